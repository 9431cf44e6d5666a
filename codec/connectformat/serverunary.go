package connectformat

import (
	"io"

	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A unaryServer is the server's side of a call whose bodies are bare messages.
type unaryServer struct {
	*serverCall
	in    *patience
	limit int
	res   *bufpool.Buffer // the response, until Finish sends it
}

// Recv reads the whole body at its first call.
func (s *unaryServer) Recv(msg any) error {
	if s.closed.Load() {
		return errClosed
	}
	if s.recvErr != nil {
		return s.recvErr
	}
	s.recvErr = s.read(msg)
	if s.recvErr == nil {
		s.recvErr = io.EOF
		return nil
	}
	return s.recvErr
}

func (s *unaryServer) read(msg any) error {
	body, err := readBody(s.in, s.x.Request().Length, s.limit)
	defer bufpool.Put(body)
	if err != nil {
		return s.ioError(err)
	}
	if msg == nil {
		return nil
	}
	return s.call.Codec.Unmarshal(body.B, msg)
}

// Send keeps the encoded msg until Finish, since what a response starts with depends on the outcome.
func (s *unaryServer) Send(msg any) error {
	if err := s.sendable(); err != nil {
		return err
	}
	if s.res != nil {
		return status.Errorf(status.Internal, "a unary call has one response")
	}
	res := bufpool.Get(0)
	var err error
	if res.B, err = s.call.Codec.MarshalAppend(res.B, msg); err != nil {
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
	trailer, err := s.finish()
	if err != nil {
		return err
	}
	if s.res != nil {
		defer bufpool.Put(s.res)
	} else if outcome == nil {
		outcome = status.Errorf(status.Internal, "the handler sent no response")
	}
	header, _ := s.head(2 + len(trailer))
	addMeta(header, trailerPrefix, trailer)
	if outcome != nil {
		e := status.From(outcome)
		if e.Code == status.Unimplemented {
			set(header, acceptEncoding, identity)
		}
		err = respondError(s.x, httpStatus(e.Code), header, e)
	} else {
		set(header, contentType, unaryPrefix+s.call.Codec.Name())
		err = respond(s.x, httpOK, header, s.res.B)
	}
	if err != nil {
		return s.ioError(err)
	}
	return nil
}
