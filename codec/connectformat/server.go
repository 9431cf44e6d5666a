package connectformat

import (
	"context"
	"fmt"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A serverCall is what the server's sides of unary calls and of streams have in common.
type serverCall struct {
	httprpc.ServerCall
	in    codec.Compressor // of the request; nil for none
	out   httprpc.Encoder
	known codec.Compressors
}

// Serve serves the call that x carries. A request that is no call is answered with the HTTP status 404, 405 or 415.
func (f Format) Serve(ctx context.Context, x transport.Exchange, h codec.Handler, cfg codec.Config) {
	req := x.Request()
	c := &serverCall{known: cfg.Compression.Accept}
	c.X, c.Call = x, codec.Call{Format: f.Name(), Peer: req.Peer}
	q, err := parseQuery(req, cfg.Codecs)
	streaming, ok := false, true
	if q == nil {
		streaming, ok = c.parseType(cfg.Codecs)
	}
	switch {
	case req.Method != "POST" && q == nil:
		refuse(x, httpMethodNotAllowed, "Allow", "POST",
			"calls are made by POST, or by GET with the message in the query: ?encoding=json&message=%7B%7D\n")
		return
	case !ok || q != nil && q.codec == nil:
		refuse(x, httpUnsupportedMedia, "Accept-Post", acceptPost(cfg.Codecs),
			fmt.Sprintf("the content type %.256q is not supported\n", httprpc.First(req.Header, contentType)))
		return
	}
	c.Call.Method = strings.TrimPrefix(req.Path, "/")
	if service, method, _ := strings.Cut(c.Call.Method, "/"); service == "" || method == "" || strings.Contains(method, "/") {
		_ = respondError(x, httpNotFound, transport.Header{},
			status.Errorf(status.Unimplemented, "the path %.256q is not of the form /service/method", req.Path))
		return
	}
	if q != nil {
		c.Call.Codec, c.Call.NoSideEffects = q.codec, true
	}
	if err == nil {
		err = c.parseHead(streaming, q)
	}
	c.out = httprpc.Encoder{Codec: c.Call.Codec, Compressor: c.answer(streaming), Compression: &cfg.Compression}
	limits := cfg.Limits.WithDefaults()
	in := &httprpc.Patience{X: x, Limit: limits.ReadTimeout}
	defer in.End()
	var r codec.Responder
	if streaming {
		r = newStreamServer(c, in, limits.MessageBytes)
	} else {
		r = &unaryServer{serverCall: c, body: in, query: q, limit: limits.MessageBytes}
	}
	c.Run(ctx, h, r, err)
}

// parseType reads the content type, which decides about codec and kind.
func (c *serverCall) parseType(codecs codec.Codecs) (streaming, ok bool) {
	t := httprpc.MediaType(c.X.Request().Header)
	if name, ok := strings.CutPrefix(t, streamPrefix); ok {
		c.Call.Kind = codec.BidiStream
		c.Call.Codec = codecs.Find(name)
		return true, c.Call.Codec != nil
	}
	if name, ok := strings.CutPrefix(t, unaryPrefix); ok {
		c.Call.Codec = codecs.Find(name)
	}
	return false, c.Call.Codec != nil
}

func acceptPost(codecs codec.Codecs) string {
	types := make([]string, 0, 2*len(codecs))
	for _, c := range codecs {
		types = append(types, unaryPrefix+c.Name(), streamPrefix+c.Name())
	}
	return strings.Join(types, ", ")
}

// refuse answers a request that is not a call. A client sees by the missing JSON that it was not understood as one.
func refuse(x transport.Exchange, httpStatus int, key, value, text string) {
	header := transport.Header{key: {value}, contentType: {"text/plain; charset=utf-8"}}
	_ = httprpc.Respond(x, httpStatus, header, []byte(text))
}

func (c *serverCall) parseHead(streaming bool, q *query) (err error) {
	h := c.X.Request().Header
	if v := h[protocolVersion]; len(v) > 0 && v[0] != "1" {
		return status.Errorf(status.InvalidArgument, "%s %q is not supported; supported is 1", protocolVersion, v[0])
	}
	switch {
	case q != nil:
		c.in, err = findCompressor("compression", q.compression, c.known)
	case streaming:
		if _, err = compressor(h, contentEncoding, nil); err == nil {
			c.in, err = compressor(h, streamContentEncoding, c.known)
		}
	default:
		c.in, err = compressor(h, contentEncoding, c.known)
	}
	if err != nil {
		return err
	}
	if c.Call.Timeout, err = parseTimeout(h); err != nil {
		return err
	}
	c.Call.Header, _, err = httprpc.SplitMeta(h)
	return err
}

// answer returns how responses are compressed, or nil.
func (c *serverCall) answer(streaming bool) codec.Compressor {
	h, key := c.X.Request().Header, acceptEncoding
	if streaming {
		key = streamAcceptEncoding
	}
	if len(h[key]) == 0 {
		return c.in // who compresses can inflate
	}
	return negotiate(h, key, c.known)
}

// respondError sends a whole response with err in JSON.
func respondError(x transport.Exchange, httpStatus int, header transport.Header, err *status.Error) error {
	httprpc.Set(header, contentType, unaryPrefix+"json")
	return httprpc.Respond(x, httpStatus, header, appendError(nil, err))
}
