package grpcformat

import (
	"context"
	"strconv"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// The HTTP status numbers of responses.
const (
	httpOK                  = 200
	httpMethodNotAllowed    = 405
	httpUnsupportedMedia    = 415
	httpVersionNotSupported = 505
)

const methodPost = "POST"

// serve serves the call that x carries.
func serve(ctx context.Context, x transport.Exchange, h codec.Handler, cfg codec.Config, name string) {
	req := x.Request()
	v, codecName, _ := parseType(httprpc.MediaType(req.Header))
	found := cfg.Codecs.Find(codecName)
	switch {
	case req.Method != methodPost:
		refuse(x, v, httpMethodNotAllowed, status.Errorf(status.Unimplemented, "calls are made by POST, not by %s", req.Method))
		return
	case v == plain && req.Major < 2:
		refuse(x, v, httpVersionNotSupported, status.Errorf(status.Unimplemented, "gRPC needs HTTP/2"))
		return
	case found == nil:
		refuse(x, v, httpUnsupportedMedia, status.Errorf(status.Unimplemented,
			"the content type %.256q is not supported", httprpc.First(req.Header, contentType)))
		return
	}
	limits := cfg.Limits.WithDefaults()
	patient := &httprpc.Patience{X: x, Limit: limits.ReadTimeout}
	defer patient.End()
	s := &serverStream{
		ServerCall: httprpc.ServerCall{X: x, Call: codec.Call{Kind: codec.AnyKind, Codec: found, Format: name, Peer: req.Peer}},
		in:         httprpc.EnvelopeReader{R: patient, Between: x, Limit: limits.MessageBytes, Violation: status.Internal},
		out:        httprpc.Encoder{Codec: found, Compression: &cfg.Compression},
		variant:    responseVariant(v, req.Header),
	}
	if v == webText {
		text := new(textReader)
		s.in.R, s.in.Between = textBody{text, patient}, textBody{text, x}
	}
	s.Run(ctx, h, s, s.parseHead(req, cfg.Compression.Accept))
}

// responseVariant returns the form of the response to a request of the given form: that which the client accepts, or else
// the same.
func responseVariant(v variant, h transport.Header) variant {
	if v == plain {
		return plain
	}
	accept := strings.ToLower(joined(h, "Accept"))
	switch {
	case strings.Contains(accept, string(webText)):
		return webText
	case strings.Contains(accept, string(web)):
		return web
	}
	return v
}

// refuse answers a request that is not a call.
func refuse(x transport.Exchange, v variant, httpStatus int, err *status.Error) {
	header := transport.Header{}
	httprpc.Set(header, contentType, v.contentType(protoCodec))
	if httpStatus == httpMethodNotAllowed {
		httprpc.Set(header, "Allow", methodPost)
	}
	setOutcome(header, err)
	_ = httprpc.Respond(x, httpStatus, header, nil)
}

// parseHead reads the head of the request, but for its content type.
func (s *serverStream) parseHead(req *transport.Request, known codec.Compressors) (err error) {
	h := req.Header
	s.Call.Method = strings.TrimPrefix(req.Path, "/")
	if service, method, _ := strings.Cut(s.Call.Method, "/"); service == "" || method == "" || strings.Contains(method, "/") {
		return status.Errorf(status.Unimplemented, "the path %.256q is not of the form /service/method", req.Path)
	}
	if e := encodingOf(h); e != "" {
		s.accept = accepted(known)
		if s.in.Compressor = known.Find(e); s.in.Compressor == nil {
			return status.Errorf(status.Unimplemented, "the grpc-encoding %.32q is not supported; supported is %s", e, s.accept)
		}
	}
	s.out.Compressor = choose(h, s.in.Compressor, known)
	if _, ok := h[timeout]; ok {
		if s.Call.Timeout, err = parseTimeout(joined(h, timeout)); err != nil {
			return err
		}
	}
	if s.Call.Header, _, err = httprpc.SplitMeta(h); err != nil {
		return err
	}
	if n, err := strconv.ParseUint(joined(h, previousAttempts), 10, 32); err == nil {
		s.Call.Attempts = int(n)
	}
	return nil
}
