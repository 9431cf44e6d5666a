package grpcformat_test

import (
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

const silence = 100 * time.Millisecond

func impatient() codec.Config {
	cfg := config(1 << 20)
	cfg.Limits.ReadTimeout = silence
	return cfg
}

func TestFormats_ServeEndsASilentRequest(t *testing.T) {
	l := serve(t, &httptransport.Server{Handler: handler(serveFunc(echo), impatient())}, nil)
	c := &httptransport.Client{Dial: l.dial, Host: "localhost", HTTP2: true}
	defer func() { _ = c.Close() }()
	for contentType, body := range map[string]string{
		grpcJSON: "\x00\x00\x00\x00\x04x", webJSON: "\x00\x00\x00\x00\x04x", textJSON: text("\x00\x00\x00\x00\x04x"),
	} {
		trip, err := c.Open(t.Context(), &transport.Request{
			Method: "POST", Path: "/a.B/U", Header: transport.Header{"Content-Type": {contentType}}, Length: -1,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = trip.Write([]byte(body))
		x := &exchange{}
		if x.status, x.header, err = trip.Response(); err != nil {
			t.Errorf("%s: %v", contentType, err)
		}
		_, err = x.ReadFrom(trip)
		if contentType == grpcJSON {
			x.trailer = trip.Trailer()
			if len(x.trailer) == 0 {
				x.trailer = nil
			}
		}
		if outcome := x.outcome(t); err != nil || outcome.Get("Grpc-Status") != "4" {
			t.Errorf("%s: got %v with the outcome %q, want the grpc-status 4", contentType, err, outcome)
		}
		_ = trip.Close()
	}
}

func TestFormats_ServeLetsAStreamBeSilentBetweenMessages(t *testing.T) {
	l := serve(t, &httptransport.Server{Handler: handler(serveFunc(echo), impatient())}, nil)
	for _, format := range []codec.HTTPFormat{grpcformat.Format{}, grpcformat.Web{Text: true}} {
		conn := format.Dial(&httptransport.Client{Dial: l.dial, Host: "localhost", HTTP2: true}, config(1<<20))
		s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Kind: codec.BidiStream, Codec: jsoncodec.Codec{}})
		if err != nil {
			t.Fatal(err)
		}
		msg := &wrapperspb.StringValue{}
		for range 2 {
			if err := s.Send(wrapperspb.String("x")); err != nil {
				t.Fatal(err)
			}
			if err := s.Recv(msg); err != nil || msg.GetValue() != "x" {
				t.Fatalf("%s: got %q, %v", format.Name(), msg.GetValue(), err)
			}
			<-time.NewTimer(3 * silence).C
		}
		if err := s.Finish(nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Recv(msg); err != io.EOF {
			t.Errorf("%s: the end: got %v, want io.EOF", format.Name(), err)
		}
		_ = conn.Close()
	}
}
