package connectformat

import (
	"context"
	"strings"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// writeGrace is how long the outcome of a call whose context has ended may take to be written.
const writeGrace = time.Second

// Serve serves the call that x carries. A request that is no call is answered with the HTTP status 404, 405 or 415.
func (f Format) Serve(ctx context.Context, x transport.Exchange, h codec.Handler, cfg codec.Config) {
	req := x.Request()
	c := &serverCall{x: x, call: codec.Call{Format: f.Name(), Peer: req.Peer}}
	streaming, ok := c.parseType(cfg.Codecs)
	switch {
	case req.Method != "POST":
		refuse(x, httpMethodNotAllowed, "Allow", "POST",
			status.Errorf(status.Unimplemented, "calls are made by POST, not by %s", req.Method))
		return
	case !ok:
		refuse(x, httpUnsupportedMedia, "Accept-Post", acceptPost(cfg.Codecs),
			status.Errorf(status.Unimplemented, "the content type %q is not supported", first(req.Header, contentType)))
		return
	}
	c.call.Method = strings.TrimPrefix(req.Path, "/")
	if service, method, _ := strings.Cut(c.call.Method, "/"); service == "" || method == "" || strings.Contains(method, "/") {
		refuse(x, httpNotFound, "", "", status.Errorf(status.Unimplemented, "the path %q is not of the form /service/method", req.Path))
		return
	}
	limits := cfg.Limits.WithDefaults()
	in := &patience{x: x, limit: limits.ReadTimeout}
	defer in.end()
	var r codec.Responder
	if streaming {
		r = newStreamServer(c, in, limits.MessageBytes)
	} else {
		r = &unaryServer{serverCall: c, in: in, limit: limits.MessageBytes}
	}
	c.run(ctx, h, r, streaming)
}

// parseType reads the content type, which decides about codec and kind.
func (c *serverCall) parseType(codecs codec.Codecs) (streaming, ok bool) {
	t := mediaType(c.x.Request().Header)
	if name, ok := strings.CutPrefix(t, streamPrefix); ok {
		c.call.Kind = codec.BidiStream
		c.call.Codec = codecs.Find(name)
		return true, c.call.Codec != nil
	}
	if name, ok := strings.CutPrefix(t, unaryPrefix); ok {
		c.call.Codec = codecs.Find(name)
	}
	return false, c.call.Codec != nil
}

func acceptPost(codecs codec.Codecs) string {
	types := make([]string, 0, 2*len(codecs))
	for _, c := range codecs {
		types = append(types, unaryPrefix+c.Name(), streamPrefix+c.Name())
	}
	return strings.Join(types, ", ")
}

// refuse answers a request that is not a call.
func refuse(x transport.Exchange, httpStatus int, key, value string, err *status.Error) {
	header := transport.Header{}
	if key != "" {
		set(header, key, value)
	}
	_ = respondError(x, httpStatus, header, err)
}

// run parses the rest of the head, has h serve the call, and returns when all that it started has ended.
func (c *serverCall) run(ctx context.Context, h codec.Handler, r codec.Responder, streaming bool) {
	err := c.parseHead(streaming)
	if c.call.Timeout > 0 {
		c.ctx, c.cancel = context.WithTimeout(ctx, c.call.Timeout)
	} else {
		c.ctx, c.cancel = context.WithCancel(ctx)
	}
	defer c.cancel()
	if err != nil {
		_ = r.Finish(nil, err)
		return
	}
	defer c.interruptWith(c.ctx)()
	h.ServeCall(c.ctx, &c.call, r)
}

func (c *serverCall) parseHead(streaming bool) (err error) {
	h := c.x.Request().Header
	if v := h[protocolVersion]; len(v) > 0 && v[0] != "1" {
		return status.Errorf(status.InvalidArgument, "%s %q is not supported; supported is 1", protocolVersion, v[0])
	}
	if err := checkEncoding(h, contentEncoding); err != nil {
		return err
	}
	if streaming {
		if err := checkEncoding(h, streamContentEncoding); err != nil {
			return err
		}
	}
	if c.call.Timeout, err = parseTimeout(h); err != nil {
		return err
	}
	c.call.Header, _, err = splitMeta(h)
	return err
}

// interruptWith interrupts what waits for the peer when ctx ends, until stop is called.
func (c *serverCall) interruptWith(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = c.x.SetReadDeadline(time.Unix(1, 0))
		_ = c.x.SetWriteDeadline(time.Now().Add(writeGrace))
	})
	return func() {
		if !stopped() {
			<-done
		}
	}
}

// respondError sends a whole response with err in JSON.
func respondError(x transport.Exchange, httpStatus int, header transport.Header, err *status.Error) error {
	set(header, contentType, unaryPrefix+"json")
	return respond(x, httpStatus, header, appendError(nil, err))
}
