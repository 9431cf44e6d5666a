package grpcformat

import (
	"io"
	"strconv"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

func dial(rt transport.RoundTripper, cfg codec.Config, v variant) codec.Conn {
	return httprpc.NewConn(rt, cfg, func(call *httprpc.ClientCall) (codec.Stream, error) {
		endFlag := byte(flagTrailers)
		if v == plain {
			endFlag = 0
		}
		s, err := httprpc.OpenStream(call, &client{variant: v}, endFlag)
		if err != nil {
			return nil, err
		}
		s.In.EndLimit = call.Conn.Limits.HeaderBytes
		if v == webText {
			s.Armor = func(b []byte) []byte { return appendText(make([]byte, 0, (len(b)+2)/3*4), b) }
		}
		return stream{s, v}, nil
	})
}

// A stream is the client's side of a call.
type stream struct {
	*httprpc.ClientStream

	variant variant
}

// Header returns none if a gRPC response consists of trailers alone. In gRPC-Web, where a proxy may put header and
// trailers into one, nobody could tell.
func (s stream) Header() (codec.Meta, error) {
	meta, err := s.ClientStream.Header()
	if err == nil && s.variant == plain && len(s.Response[grpcStatus]) > 0 {
		return nil, nil
	}
	return meta, err
}

// A client is the httprpc.Dialect of one call.
type client struct {
	variant variant
	head    transport.Header // of the response
	body    *watched         // of the response
}

// A watched reader remembers whether it has read anything.
type watched struct {
	io.Reader
	any bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.any = w.any || n > 0
	return n, err
}

// Request implements httprpc.Dialect.
func (c *client) Request(s *httprpc.ClientCall, compressor codec.Compressor) *transport.Request {
	call := s.Call
	h := make(transport.Header, 6+len(call.Header))
	httprpc.AddMeta(h, "", call.Header)
	httprpc.Set(h, contentType, c.variant.contentType(call.Codec.Name()))
	if c.variant == plain {
		httprpc.Set(h, "Te", "trailers")
	} else {
		httprpc.Set(h, "Accept", c.variant.contentType(call.Codec.Name()))
	}
	if call.Timeout > 0 {
		httprpc.Set(h, timeout, formatTimeout(call.Timeout))
	}
	if call.Attempts > 0 {
		httprpc.Set(h, previousAttempts, strconv.Itoa(call.Attempts))
	}
	if compressor != nil {
		httprpc.Set(h, encoding, compressor.Name())
	}
	if known := s.Conn.Compression.Accept; len(known) > 0 {
		httprpc.Set(h, acceptEncoding, known.String())
	}
	if _, ok := h[userAgent]; !ok {
		httprpc.Set(h, userAgent, agentName)
	}
	return &transport.Request{Method: methodPost, Path: "/" + call.Method, Header: h}
}

// Response implements httprpc.Dialect.
func (c *client) Response(s *httprpc.ClientStream) error {
	c.head = s.Response
	if s.Status != httpOK {
		if len(c.head[grpcStatus]) == 0 {
			return status.Errorf(codeOf(s.Status), "the response has the HTTP status %d", s.Status)
		}
		trailers, err := parseOutcome(c.head)
		s.Trailers = trailers
		if err == io.EOF {
			err = status.Errorf(codeOf(s.Status), "the response has the HTTP status %d, and the grpc-status 0", s.Status)
		}
		return err
	}
	v, codecName, ok := parseType(httprpc.MediaType(c.head))
	if !ok || v != c.variant || codecName != s.Call.Codec.Name() {
		code := status.Internal
		if !ok {
			code = status.Unknown
		}
		return status.Errorf(code, "the response has the content type %.256q instead of %q",
			httprpc.First(c.head, contentType), c.variant.contentType(s.Call.Codec.Name()))
	}
	if e := encodingOf(c.head); e != "" {
		if s.In.Compressor = s.Conn.Compression.Accept.Find(e); s.In.Compressor == nil {
			return status.Errorf(status.Internal, "the response has the grpc-encoding %.32q, which is not supported; supported is %s",
				e, accepted(s.Conn.Compression.Accept))
		}
	}
	c.body = &watched{Reader: s.Trip()}
	s.In.R = c.body
	if c.variant == webText {
		s.In.R = textBody{new(textReader), c.body}
	}
	return nil
}

// End implements httprpc.Dialect.
func (c *client) End(payload []byte, trailer transport.Header) (codec.Meta, error) {
	if payload != nil {
		var err error
		if trailer, err = parseTrailers(payload); err != nil {
			return nil, err
		}
		return parseOutcome(trailer)
	}
	switch {
	case c.variant == plain && len(trailer) > 0:
		return parseOutcome(trailer)
	case !c.body.any && len(c.head[grpcStatus]) > 0: // trailers alone
		return parseOutcome(c.head)
	}
	return nil, status.Errorf(status.Internal, "the server closed the stream without sending trailers")
}
