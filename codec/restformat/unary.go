package restformat

import (
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A unaryServer is the server's side of a call with one response.
type unaryServer struct {
	*serverCall
	res  *bufpool.Buffer // the body of the response, until Finish sends it
	kind string          // its content type
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
	out, err := s.b.appendBody(res.B, s.Call.Codec, msg)
	res.B = out.bytes
	if err != nil {
		bufpool.Put(res)
		return err
	}
	s.res, s.kind = res, out.mediaType
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
		defer func() { bufpool.Put(s.res) }() // compress replaces it
	} else if outcome == nil {
		outcome = status.Errorf(status.Internal, "the handler sent no response")
	}
	header, _ := s.TakeHead(3 + len(trailer))
	httprpc.AddMeta(header, trailerPrefix, trailer)
	if outcome != nil {
		e := status.From(outcome)
		err = s.respondError(httpStatus(e.Code), header, e)
	} else {
		err = s.respond(httpOK, header, content{s.kind, s.compress(header)})
	}
	if err != nil {
		return s.IOError(err)
	}
	return nil
}

// compress returns the response as it is sent. JSON is compressed if it is long and the client takes it.
func (s *unaryServer) compress(header transport.Header) []byte {
	if s.kind != typeJSON || !s.compression.Compresses(len(s.res.B)) || len(s.compression.Accept) == 0 {
		return s.res.B
	}
	header["Vary"] = append(header["Vary"], acceptEncoding)
	compressor := negotiate(s.X.Request().Header, s.compression.Accept)
	if compressor == nil {
		return s.res.B
	}
	compressed := bufpool.Get(len(s.res.B) / 2)
	var err error
	if compressed.B, err = compressor.Compress(compressed.B, s.res.B); err != nil {
		bufpool.Put(compressed)
		return s.res.B
	}
	bufpool.Put(s.res)
	s.res = compressed
	httprpc.Set(header, contentEncoding, compressor.Name())
	return compressed.B
}
