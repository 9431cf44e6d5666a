package jsonrpc

import (
	"io"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// httpID is the id of every request over HTTP, each of which has an exchange of its own.
const httpID = "1"

// Dial returns a Conn whose calls are requests through rt.
func (f HTTP) Dial(rt transport.RoundTripper, cfg codec.Config) codec.Conn {
	c := codecOf(cfg)
	return httprpc.NewConn(rt, cfg, func(s *httprpc.ClientCall) (codec.Stream, error) {
		kind := s.Call.Kind
		if kind == codec.ClientStream || kind == codec.BidiStream || f.Plain && kind != codec.Unary {
			return nil, codec.NotSent(status.Errorf(status.Unimplemented, "a %s cannot be called in JSON-RPC over HTTP", kind))
		}
		return &httpClient{ClientCall: s, codec: c, plain: f.Plain}, nil
	})
}

// An httpClient is the client's side of a call over HTTP.
type httpClient struct {
	*httprpc.ClientCall
	codec codec.Codec
	plain bool
	req   []byte // encoded, nil before Send

	wire  *wire // of a stream, once its head has come
	frame objectrpc.Frame
	first bool // frame is the first, which is not taken yet
	begun bool
	meta  codec.Meta
	end   error // what Recv returns after the last message
}

// Send keeps the encoded msg until Finish.
func (s *httpClient) Send(msg any) error {
	if err := s.Ended(); err != nil {
		return err
	}
	if s.req != nil || s.Started() {
		return status.Errorf(status.Internal, "a %s call has one request", s.Call.Kind)
	}
	req, err := s.codec.MarshalAppend([]byte{}, msg)
	if err == nil {
		s.req = req
	}
	return err
}

// Finish sends the whole request.
func (s *httpClient) Finish(last any, _ error) error {
	if last != nil {
		if err := s.Send(last); err != nil {
			return err
		}
	}
	if s.Started() {
		return status.Errorf(status.Internal, "sending after Finish")
	}
	f := objectrpc.Frame{Type: objectrpc.Request, ID: []byte(httpID), Method: s.Call.Method, Kind: s.Call.Kind, Body: s.req}
	if !s.plain {
		f.Extended, f.Timeout = true, s.Call.Timeout
	}
	header := transport.Header{}
	httprpc.AddMeta(header, "", s.Call.Header)
	httprpc.Set(header, contentType, jsonType)
	return s.Start(&transport.Request{Method: post, Path: "/", Header: header}, appendObject(nil, &f))
}

// Header waits for the first object of the response.
func (s *httpClient) Header() (codec.Meta, error) {
	if !s.begun && s.RecvErr == nil {
		s.begin()
	}
	if !s.begun {
		return nil, s.RecvErr
	}
	return s.meta, nil
}

// begin reads the first object of the response.
func (s *httpClient) begin() {
	if err := s.next(); err != nil {
		s.RecvErr = err
		return
	}
	s.first, s.begun, s.meta = true, true, s.frame.Header
}

// next reads an object of the response into s.frame.
func (s *httpClient) next() error {
	if s.wire == nil {
		if err := s.Head(); err != nil {
			return err
		}
		if !isJSON(s.Response) {
			return status.Errorf(codeOfHTTP(s.Status), "the response has the HTTP status %d and the content type %.256q",
				s.Status, httprpc.First(s.Response, contentType))
		}
		s.wire = &wire{r: objectrpc.NewReader(s.Trip(), 0), lim: s.Conn.Limits}
	}
	if s.Call.Kind == codec.Unary {
		return s.whole()
	}
	err := s.wire.Next(&s.frame)
	if err == io.EOF {
		return status.Errorf(status.Internal, "the response has no end")
	}
	if err != nil {
		return s.IOError(err)
	}
	return nil
}

// whole reads a response that is one object, which may take several lines.
func (s *httpClient) whole() error {
	lim := s.Conn.Limits
	body, err := httprpc.ReadBody(s.Trip(), httprpc.LengthOf(s.Response), lim.MessageBytes+lim.HeaderBytes)
	defer bufpool.Put(body)
	if err != nil {
		return s.IOError(err)
	}
	decode(&s.frame, append([]byte{}, body.B...), lim)
	return nil
}

// Recv implements codec.Stream.
func (s *httpClient) Recv(msg any) error {
	if s.end != nil && s.RecvErr == nil {
		s.RecvErr = s.end
	}
	if s.RecvErr != nil {
		return s.RecvErr
	}
	if !s.begun {
		s.begin()
	} else if !s.first {
		s.RecvErr = s.next()
	}
	s.first = false
	if s.RecvErr == nil {
		s.RecvErr = s.take(msg)
	}
	return s.RecvErr
}

// take decodes the message that the object holds, or returns the outcome that it is.
func (s *httpClient) take(msg any) error {
	f := &s.frame
	switch {
	case f.Err != nil && f.Type == objectrpc.Malformed && f.Err.Code == status.InvalidArgument:
		return status.Errorf(codeOfHTTP(s.Status), "the response has the HTTP status %d, and is not valid: %s", s.Status, f.Err.Message)
	case f.Type != objectrpc.Response && f.Type != objectrpc.Message && f.Type != objectrpc.Malformed:
		return status.Errorf(status.Internal, "the response is not one of JSON-RPC")
	case f.Type == objectrpc.Response:
		s.Trailers = f.Trailer
		s.end = io.EOF
		if s.Call.Kind != codec.Unary {
			_, _ = s.wire.r.Peek(1) // the end of the body, so that the connection can be used again
		}
	}
	switch {
	case f.Err != nil && f.Unprocessed:
		return codec.NotSent(f.Err)
	case f.Err != nil:
		return f.Err
	case f.Type == objectrpc.Response && s.Call.Kind != codec.Unary && s.wire.Null(f.Body):
		return io.EOF
	case msg == nil:
		return nil
	}
	if err := s.codec.Unmarshal(f.Body, msg); err != nil {
		return status.Errorf(status.Internal, "the response is not valid: %s", status.From(err).Message)
	}
	return nil
}
