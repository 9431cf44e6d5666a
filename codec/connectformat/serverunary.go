package connectformat

import (
	"errors"
	"io"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A unaryServer is the server's side of a call whose bodies are bare messages.
type unaryServer struct {
	*serverCall
	body       io.Reader
	query      *query // instead of a body; nil for none
	limit      int
	res        *bufpool.Buffer // the response, until Finish sends it
	compressed bool            // res is
}

// Recv reads the whole body at its first call.
func (s *unaryServer) Recv(msg any) error {
	if s.Closed() {
		return httprpc.ErrClosed
	}
	if s.RecvErr != nil {
		return s.RecvErr
	}
	s.RecvErr = s.read(msg)
	if s.RecvErr == nil {
		s.RecvErr = io.EOF
		return nil
	}
	return s.RecvErr
}

func (s *unaryServer) read(msg any) error {
	body, err := s.readBody()
	defer func() { bufpool.Put(body) }()
	if err != nil {
		return s.IOError(err)
	}
	if s.in != nil && len(body.B) > 0 {
		if body, err = httprpc.Inflate(body, s.in, s.limit); err != nil {
			return err
		}
	}
	if msg == nil {
		return nil
	}
	return s.Call.Codec.Unmarshal(body.B, msg)
}

func (s *unaryServer) readBody() (*bufpool.Buffer, error) {
	if s.query == nil {
		limit := s.limit
		if s.in != nil {
			limit = httprpc.CompressedLimit(limit)
		}
		return httprpc.ReadBody(s.body, s.X.Request().Length, limit)
	}
	body := bufpool.Get(len(s.query.message))
	body.B = append(body.B, s.query.message...)
	if n := len(body.B); n > s.limit {
		return body, status.Errorf(status.ResourceExhausted, "a message of %d bytes is larger than the limit of %d", n, s.limit)
	}
	return body, nil
}

// Send keeps the encoded msg until Finish, since what a response starts with depends on the outcome.
func (s *unaryServer) Send(msg any) error {
	if err := s.Sendable(); err != nil {
		return err
	}
	if s.res != nil {
		return status.Errorf(status.Internal, "a unary call has one response")
	}
	res := bufpool.Get(0)
	var err error
	if res.B, s.compressed, err = s.out.AppendBare(res.B, msg); err != nil {
		bufpool.Put(res)
		return err
	}
	s.res = res
	return nil
}

// Finish sends the whole response.
func (s *unaryServer) Finish(last any, outcome error) error {
	if last != nil && outcome == nil {
		outcome = s.Send(last)
	}
	trailer, err := s.TakeTrailer()
	if err != nil {
		return err
	}
	if s.res != nil {
		defer bufpool.Put(s.res)
	} else if outcome == nil {
		outcome = status.Errorf(status.Internal, "the handler sent no response")
	}
	header, _ := s.TakeHead(4 + len(trailer))
	httprpc.AddMeta(header, trailerPrefix, trailer)
	if s.query != nil {
		header["Vary"] = append(header["Vary"], acceptEncoding)
	}
	if outcome != nil {
		e := status.From(outcome)
		if e.Code == status.Unimplemented {
			httprpc.Set(header, acceptEncoding, accepted(s.known))
		}
		code := httpStatus(e.Code)
		if errors.Is(outcome, codec.ErrNotServed) {
			code = httpNotFound
		}
		err = respondError(s.X, code, header, e)
	} else {
		httprpc.Set(header, contentType, unaryPrefix+s.Call.Codec.Name())
		if s.compressed {
			httprpc.Set(header, contentEncoding, s.out.Compressor.Name())
		}
		err = httprpc.Respond(s.X, httpOK, header, s.res.B)
	}
	if err != nil {
		return s.IOError(err)
	}
	return nil
}
