package connectformat

import (
	"io"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// request returns the head of the request of a call.
func request(call *codec.Call, prefix string) *transport.Request {
	header := make(transport.Header, 5+len(call.Header))
	httprpc.AddMeta(header, "", call.Header)
	httprpc.Set(header, contentType, prefix+call.Codec.Name())
	httprpc.Set(header, protocolVersion, "1")
	if call.Timeout > 0 {
		httprpc.Set(header, timeoutMillis, formatTimeout(call.Timeout))
	}
	return &transport.Request{Method: "POST", Path: "/" + call.Method, Header: header}
}

// dialect is an httprpc.Dialect: streams of this format.
type dialect struct{}

func (dialect) Request(s *httprpc.ClientCall, c codec.Compressor) *transport.Request {
	req := request(s.Call, streamPrefix)
	if known := s.Conn.Compression.Accept; len(known) > 0 {
		httprpc.Set(req.Header, streamAcceptEncoding, known.String())
	}
	if c != nil {
		httprpc.Set(req.Header, streamContentEncoding, c.Name())
	}
	return req
}

func (dialect) Response(s *httprpc.ClientStream) (err error) {
	s.In.Compressor, err = checkResponse(s.ClientCall, streamPrefix+s.Call.Codec.Name(), streamContentEncoding)
	return err
}

func (dialect) End(payload []byte, _ transport.Header) (codec.Meta, error) {
	if payload == nil {
		return nil, status.Errorf(status.Internal, "the response has no end")
	}
	trailer, outcome := parseEnd(payload)
	if outcome == nil {
		outcome = io.EOF
	}
	return trailer, outcome
}

// checkResponse returns how the messages of a response are compressed, or the outcome of a call whose response is an
// error, or not one of this format with the wanted content type.
func checkResponse(s *httprpc.ClientCall, want, encodingKey string) (codec.Compressor, error) {
	if s.Status != httpOK {
		return nil, httpError(s)
	}
	got := httprpc.MediaType(s.Response)
	switch {
	case got == want:
	case strings.HasPrefix(got, unaryPrefix):
		return nil, status.Errorf(status.Internal, "the response has the content type %.256q instead of %q", got, want)
	default:
		return nil, status.Errorf(status.Unknown, "the response has the content type %.256q instead of %q", got, want)
	}
	c, err := compressor(s.Response, encodingKey, s.Conn.Compression.Accept)
	if err != nil {
		return nil, status.Errorf(status.Internal, "%s", status.From(err).Message)
	}
	return c, nil
}

// httpError returns the error that the body holds, or what the HTTP status stands for.
func httpError(s *httprpc.ClientCall) error {
	if httprpc.MediaType(s.Response) == unaryPrefix+"json" {
		limit := max(s.Conn.Limits.MessageBytes, s.Conn.Limits.HeaderBytes)
		body, err := readUnary(s, -1, limit)
		defer func() { bufpool.Put(body) }()
		if err == nil {
			if e, ok := parseError(body.B, codeOf(s.Status)); ok && (e.Message != "" || len(e.Details) > 0 || e.Code != codeOf(s.Status)) {
				return e
			}
		} else if endErr := s.Ended(); endErr != nil {
			return endErr
		}
	}
	return status.Errorf(codeOf(s.Status), "the response has the HTTP status %d", s.Status)
}

// readUnary reads the whole body of a response, and inflates it if it is compressed. The buffer is the caller's, also if
// there is an error.
func readUnary(s *httprpc.ClientCall, length int64, limit int) (*bufpool.Buffer, error) {
	c, err := compressor(s.Response, contentEncoding, s.Conn.Compression.Accept)
	if err != nil {
		return bufpool.Get(0), status.Errorf(status.Internal, "%s", status.From(err).Message)
	}
	most := limit
	if c != nil {
		most = httprpc.CompressedLimit(limit)
	}
	body, err := httprpc.ReadBody(s.Trip(), length, most)
	if err != nil {
		return body, s.IOError(err)
	}
	if c == nil || len(body.B) == 0 {
		return body, nil
	}
	body, err = httprpc.Inflate(body, c, limit)
	if status.CodeOf(err) == status.InvalidArgument {
		err = status.Errorf(status.Internal, "%s", status.From(err).Message)
	}
	return body, err
}
