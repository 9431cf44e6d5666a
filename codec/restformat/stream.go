package restformat

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A framing is how the messages of a response follow each other.
type framing uint8

const (
	lines  framing = iota // each with a line feed
	events                // server-sent events
	raw                   // their bytes
)

// A streamServer is the server's side of a call with many responses.
type streamServer struct {
	*serverCall
	framing framing
}

func newStreamServer(c *serverCall) *streamServer {
	s := &streamServer{serverCall: c}
	switch {
	case c.b.givesAnything():
		s.framing = raw
	case c.b.alt(c.params) == "sse", acceptsEvents(c.X.Request().Header):
		s.framing = events
	}
	return s
}

func (s *streamServer) Send(msg any) error {
	if err := s.Sendable(); err != nil {
		return err
	}
	return s.send(msg)
}

func (s *streamServer) send(msg any) error {
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	b := buf.B
	if s.framing == events {
		b = append(b, "data: "...)
	}
	start := len(b)
	out, err := s.b.appendBody(b, s.Call.Codec, msg)
	if err != nil {
		return err
	}
	buf.B = out.bytes
	if s.framing != raw {
		if buf.B, err = oneLine(buf.B, start); err != nil {
			return err
		}
	}
	return s.write(s.end(buf.B), out.mediaType)
}

// oneLine removes the line breaks from the JSON that starts at start.
func oneLine(b []byte, start int) ([]byte, error) {
	if bytes.IndexByte(b[start:], '\n') < 0 && bytes.IndexByte(b[start:], '\r') < 0 {
		return b, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b[start:]); err != nil {
		return b, status.Errorf(status.Internal, "the codec does not write JSON: %v", err)
	}
	return append(b[:start], compact.Bytes()...), nil
}

// end appends what follows a message.
func (s *streamServer) end(b []byte) []byte {
	switch s.framing {
	case lines:
		return append(b, '\n')
	case events:
		return append(b, "\n\n"...)
	case raw:
	}
	return b
}

// Finish sends last and the outcome. An outcome before the first message is the whole response.
func (s *streamServer) Finish(last any, outcome error) error {
	trailer, err := s.TakeTrailer()
	if err != nil {
		return err
	}
	if last != nil && outcome == nil {
		outcome = s.send(last)
	}
	if e := status.From(outcome); e != nil {
		return s.fail(e, trailer)
	}
	if err := s.write(nil, typeBytes); err != nil {
		return err
	}
	s.setTrailer(trailer)
	return nil
}

func (s *streamServer) setTrailer(trailer codec.Meta) {
	if len(trailer) > 0 {
		header := make(transport.Header, len(trailer))
		httprpc.AddMeta(header, trailerPrefix, trailer)
		s.X.SetTrailer(header)
	}
}

// fail sends e in the way that is left.
func (s *streamServer) fail(e *status.Error, trailer codec.Meta) error {
	if header, ok := s.TakeHead(2 + len(trailer)); ok {
		httprpc.AddMeta(header, trailerPrefix, trailer)
		if err := s.respondError(httpStatus(e.Code), header, e); err != nil {
			return s.IOError(err)
		}
		return nil
	}
	var b []byte
	switch s.framing {
	case lines:
		b = append(appendError([]byte(`{"error":`), e), '}')
	case events:
		b = appendError([]byte("event: error\ndata: "), e)
	case raw:
		s.cut()
		return nil
	}
	s.setTrailer(trailer)
	return s.write(s.end(b), "")
}

// cut ends the response so that the client sees that it is not whole.
func (s *streamServer) cut() {
	_ = s.X.SetWriteDeadline(time.Unix(1, 0))
	_, _ = s.X.Write([]byte{0}) // has to fail, and does not arrive
	_ = s.X.Flush()
}

// write sends b, after the head of the response if that has not been sent. mediaType is that of a message.
func (s *streamServer) write(b []byte, mediaType string) error {
	if header, ok := s.TakeHead(2); ok {
		switch s.framing {
		case lines:
			mediaType = typeLines
		case events:
			mediaType = typeEvents
			if header[cacheControl] == nil {
				httprpc.Set(header, cacheControl, "no-cache")
			}
		case raw:
		}
		httprpc.Set(header, contentType, mediaType)
		if err := s.X.Respond(httpOK, header); err != nil {
			return s.IOError(err)
		}
	}
	if s.isHead() {
		return s.Close() // whatever follows is not sent, so the handler is told to end
	}
	if len(b) > 0 {
		if _, err := s.X.Write(b); err != nil {
			return s.IOError(err)
		}
	}
	if err := s.X.Flush(); err != nil {
		return s.IOError(err)
	}
	return nil
}
