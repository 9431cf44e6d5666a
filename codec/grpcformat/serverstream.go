package grpcformat

import (
	"io"
	"maps"

	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// flagTrailers is set in the first byte of the envelope that ends a gRPC-Web response.
const flagTrailers = 1 << 7

// A serverStream is the server's side of a call.
type serverStream struct {
	httprpc.ServerCall
	in      httprpc.EnvelopeReader
	out     httprpc.Encoder
	variant variant // of the response
	accept  string  // compressions that the response has to name, or ""
}

func (s *serverStream) Recv(msg any) error {
	if s.Closed() {
		return httprpc.ErrClosed
	}
	if s.RecvErr != nil {
		return s.RecvErr
	}
	_, payload, err := s.in.Next()
	if err == nil && msg != nil {
		err = s.Call.Codec.Unmarshal(payload, msg)
	}
	if err == nil {
		return nil
	}
	s.in.Release()
	if err != io.EOF {
		err = s.IOError(err)
	}
	s.RecvErr = err
	return err
}

func (s *serverStream) Send(msg any) error {
	if err := s.Sendable(); err != nil {
		return err
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	var err error
	if buf.B, err = s.out.Append(buf.B, msg); err != nil {
		return err
	}
	if header, ok := s.TakeHead(3); ok {
		if err := s.respond(header, s.out.Compressor != nil); err != nil {
			return err
		}
	}
	if err := s.write(buf.B); err != nil {
		return err
	}
	if err := s.X.Flush(); err != nil {
		return s.IOError(err)
	}
	return nil
}

// Finish sends last and the outcome, which the exchange's end flushes.
func (s *serverStream) Finish(last any, outcome error) error {
	meta, err := s.TakeTrailer()
	if err != nil {
		return err
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	if last != nil && outcome == nil {
		buf.B, outcome = s.out.Append(buf.B, last)
	}
	trailer := make(transport.Header, 3+len(meta))
	httprpc.AddMeta(trailer, "", meta)
	setOutcome(trailer, status.From(outcome))
	if header, ok := s.TakeHead(3 + len(trailer)); ok {
		alone := s.variant == plain && len(header) == 0 && len(buf.B) == 0
		if alone {
			maps.Copy(header, trailer)
		}
		compressed := len(buf.B) > 0 && buf.B[0]&httprpc.FlagCompressed != 0
		if err := s.respond(header, compressed); err != nil || alone {
			return err
		}
	}
	if s.variant != plain {
		start := len(buf.B)
		buf.B, _ = httprpc.Seal(appendTrailers(append(buf.B, 0, 0, 0, 0, 0), trailer), start, flagTrailers)
		return s.write(buf.B)
	}
	s.X.SetTrailer(trailer)
	if len(buf.B) == 0 {
		return nil
	}
	return s.write(buf.B)
}

// respond sends the head of the response. compressed tells whether messages may be compressed.
func (s *serverStream) respond(header transport.Header, compressed bool) error {
	httprpc.Set(header, contentType, s.variant.contentType(s.Call.Codec.Name()))
	if compressed {
		httprpc.Set(header, encoding, s.out.Compressor.Name())
	}
	if s.accept != "" {
		httprpc.Set(header, acceptEncoding, s.accept)
	}
	if err := s.X.Respond(httpOK, header); err != nil {
		return s.IOError(err)
	}
	return nil
}

// write sends p, one or several envelopes.
func (s *serverStream) write(p []byte) error {
	if s.variant == webText {
		text := bufpool.Get((len(p) + 2) / 3 * 4)
		defer bufpool.Put(text)
		text.B = appendText(text.B, p)
		p = text.B
	}
	if _, err := s.X.Write(p); err != nil {
		return s.IOError(err)
	}
	return nil
}
