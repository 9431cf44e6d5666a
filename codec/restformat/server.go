package restformat

import (
	"context"
	"io"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// Serve serves the call that x carries. Its method is always that of the annotation, however the path is written.
func (f *Format) Serve(ctx context.Context, x transport.Exchange, h codec.Handler, cfg codec.Config) {
	req := x.Request()
	b, raw, allowed := f.routes.route(req.Method, req.Path)
	limits := cfg.Limits.WithDefaults()
	c := &serverCall{b: b, segments: raw, limit: limits.MessageBytes, compression: &cfg.Compression}
	c.X = x
	if refused := c.check(allowed, limits.HeaderBytes); refused != nil {
		_ = c.respondError(refused.httpStatus, refused.header, refused.err)
		return
	}
	c.Call = codec.Call{Method: b.method, Kind: b.kind, Codec: cfg.Codecs.Find("json"), Format: f.Name(), Peer: req.Peer}
	c.in = &httprpc.Patience{X: x, Limit: limits.ReadTimeout}
	defer c.in.End()
	err := c.parseHead()
	var r codec.Responder
	if b.kind == codec.ServerStream {
		r = newStreamServer(c)
	} else {
		r = &unaryServer{serverCall: c}
	}
	c.Run(ctx, h, r, err)
}

// A refusal is the answer to a request that is not a call.
type refusal struct {
	httpStatus int
	header     transport.Header
	err        *status.Error
}

// check returns a refusal unless the request is a call of a method that can be served.
func (c *serverCall) check(allowed []string, queryLimit int) *refusal {
	req := c.X.Request()
	switch {
	case c.b == nil && len(allowed) == 0:
		return &refusal{httpNotFound, nil, status.Errorf(status.NotFound, "nothing is served at %.256q", req.Path)}
	case c.b == nil:
		return &refusal{
			httpMethodNotAllowed,
			transport.Header{allow: {strings.Join(allowed, ", ")}},
			status.Errorf(status.Unimplemented, "%.32q is not served here, but %s is", req.Method, strings.Join(allowed, ", ")),
		}
	case c.b.kind == codec.ClientStream || c.b.kind == codec.BidiStream:
		return &refusal{
			httpNotImplemented, nil,
			status.Errorf(status.Unimplemented, "%s is a %s method, which REST does not have", c.b.method, c.b.kind),
		}
	case len(req.Query) > queryLimit:
		return &refusal{
			httpURITooLong, nil,
			status.Errorf(status.ResourceExhausted, "a query of %d bytes is larger than the limit of %d", len(req.Query), queryLimit),
		}
	case c.b.body == "" || c.b.takesAnything():
	case req.Length == 0 && req.Header[contentType] == nil:
	case !isJSON(httprpc.First(req.Header, contentType)):
		return &refusal{
			httpUnsupportedMedia,
			transport.Header{accept: {typeJSON}},
			invalid("the content type %.64q is not supported; supported is %s", httprpc.First(req.Header, contentType), typeJSON),
		}
	}
	if e := httprpc.First(req.Header, contentEncoding); e != "" && e != identity {
		if c.decompressor = c.compression.Accept.Find(e); c.decompressor == nil {
			known := append(append(codec.Compressors(nil), c.compression.Accept...), none{})
			return &refusal{
				httpUnsupportedMedia,
				transport.Header{acceptEncoding: {known.String()}},
				invalid("%s %.64q is not supported; supported is %s", contentEncoding, e, known),
			}
		}
	}
	return nil
}

// none stands among compressors by its name.
type none struct{ codec.Compressor }

func (none) Name() string { return identity }

// A serverCall is what both kinds of calls have in common: the one message of the request.
type serverCall struct {
	httprpc.ServerCall
	b            *binding
	segments     []string // of the path, as they stand there
	params       []param
	in           *httprpc.Patience
	limit        int // of a message in bytes
	compression  *codec.Compression
	decompressor codec.Compressor // of the body; nil for none
}

func (c *serverCall) parseHead() (err error) {
	req := c.X.Request()
	if c.Call.Codec == nil {
		return status.Errorf(status.Unimplemented, `there is no codec "json"`)
	}
	if c.params, err = parseQuery(req.Query); err != nil {
		return err
	}
	if c.Call.Timeout, err = parseTimeout(req.Header); err != nil {
		return err
	}
	c.Call.Header, err = parseMeta(req.Header)
	return err
}

// Recv makes a message of the whole request at its first call.
func (c *serverCall) Recv(msg any) error {
	if c.Closed() {
		return httprpc.ErrClosed
	}
	if c.RecvErr != nil {
		return c.RecvErr
	}
	c.RecvErr = c.read(msg)
	if c.RecvErr == nil {
		c.RecvErr = io.EOF
		return nil
	}
	return c.RecvErr
}

func (c *serverCall) read(msg any) error {
	req := c.X.Request()
	limit := c.limit
	if c.b.body == "" {
		limit = min(limit, 1) // enough to see that there is one
	}
	body, err := httprpc.ReadBody(c.in, req.Length, limit)
	if err == nil && c.decompressor != nil && len(body.B) > 0 {
		body, err = httprpc.Inflate(body, c.decompressor, c.limit)
	}
	defer func() { bufpool.Put(body) }()
	switch {
	case c.b.body == "" && (len(body.B) > 0 || req.Length > 0):
		return invalid("%s %s takes no body", c.b.verb, c.b.path)
	case err != nil:
		return c.IOError(err)
	case msg == nil:
		return nil
	}
	return c.fill(msg, content{httprpc.First(req.Header, contentType), body.B})
}

// fill makes msg what the request says: its body, then its query, and its path, which wins.
func (c *serverCall) fill(msg any, in content) error {
	message, ok := msg.(proto.Message)
	if !ok || message.ProtoReflect().Descriptor().FullName() != c.b.input.FullName() {
		return status.Errorf(status.Internal, "rest: cannot decode into %T: it is not a %s", msg, c.b.input.FullName())
	}
	if err := c.b.setBody(c.Call.Codec, message, in); err != nil {
		return err
	}
	m := message.ProtoReflect()
	if err := c.b.setQuery(m, c.params); err != nil {
		return err
	}
	return c.b.setPath(m, c.segments)
}

// respondError sends a whole response with err.
func (c *serverCall) respondError(httpStatus int, header transport.Header, err *status.Error) error {
	if header == nil {
		header = make(transport.Header, 2)
	}
	return c.respond(httpStatus, header, content{typeJSON, appendError(nil, err)})
}

// respond sends a whole response.
func (c *serverCall) respond(httpStatus int, header transport.Header, out content) error {
	httprpc.Set(header, contentType, out.mediaType)
	if !c.isHead() {
		return httprpc.Respond(c.X, httpStatus, header, out.bytes)
	}
	httprpc.Set(header, contentLength, strconv.Itoa(len(out.bytes)))
	return c.X.Respond(httpStatus, header)
}

// isHead tells whether the response has no body, whatever its header says.
func (c *serverCall) isHead() bool { return c.X.Request().Method == head }
