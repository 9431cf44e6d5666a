package connectformat

import (
	"io"

	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A unaryClient is the client's side of a call whose bodies are bare messages.
type unaryClient struct {
	*clientCall
	req []byte // encoded, nil before Send
}

// Send keeps the encoded msg until Finish.
func (s *unaryClient) Send(msg any) error {
	if err := s.ended(); err != nil {
		return err
	}
	if s.req != nil || s.started() {
		return status.Errorf(status.Internal, "a unary call has one request")
	}
	req, err := s.call.Codec.MarshalAppend([]byte{}, msg) // not pooled: the request may still be read when it has ended
	if err == nil {
		s.req = req
	}
	return err
}

// Finish sends the whole request.
func (s *unaryClient) Finish(last any, _ error) error {
	if last != nil {
		if err := s.Send(last); err != nil {
			return err
		}
	}
	if s.req == nil || s.started() {
		return status.Errorf(status.Internal, "a unary call has one request")
	}
	return s.start(s.req)
}

func (s *unaryClient) Recv(msg any) error {
	if s.recvErr != nil {
		return s.recvErr
	}
	if s.recvErr = s.recv(msg); s.recvErr != nil {
		return s.recvErr
	}
	s.recvErr = io.EOF
	return nil
}

func (s *unaryClient) recv(msg any) error {
	if err := s.head(); err != nil {
		return err
	}
	if err := s.checkResponse(unaryPrefix+s.call.Codec.Name(), contentEncoding); err != nil {
		return err
	}
	body, err := readBody(s.trip, lengthOf(s.response), s.conn.limits.MessageBytes)
	defer bufpool.Put(body)
	if err != nil {
		return s.ioError(err)
	}
	return s.decode(body.B, msg)
}
