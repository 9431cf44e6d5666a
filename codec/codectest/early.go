package codectest

import (
	"context"
	"io"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
)

// formatEarlyResponse tests that a response which comes before the requests were read ends a Send that waits for room.
func formatEarlyResponse(t *testing.T, f Format) {
	enough := make(chan struct{})
	conn := setup{methods: methods{
		clientMethod: func(ctx context.Context, _ *codec.Call, _ codec.Responder) (any, error) {
			select {
			case <-enough:
				return wrapperspb.String("enough"), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		unaryMethod: echoOne,
	}}.conn(t, f)
	s := open(t, conn, clientMethod, codec.ClientStream)
	var sent atomic.Int64
	ended := make(chan error, 1)
	go func() {
		for range 1 << 30 / slowBytes { // HTTP/1.1 reads on for a moment
			if err := s.Send(sized(slowBytes)); err != nil {
				ended <- err
				return
			}
			sent.Add(1)
		}
		ended <- nil
	}()
	settle(t, &sent)
	close(enough)
	if err := await(t, "the end of Send", ended); err != io.EOF {
		t.Errorf("Send that waits when the response comes: got %v, want io.EOF", err)
	}
	if err := s.Finish(nil, nil); err != nil && err != io.EOF {
		t.Errorf("Finish after the response: %v", err)
	}
	received := make(chan error, 2)
	msg := &wrapperspb.StringValue{}
	go func() {
		received <- s.Recv(msg)
		received <- s.Recv(nil)
	}()
	if err := await(t, "the response", received); err != nil || msg.GetValue() != "enough" {
		t.Errorf("the response: got %q, %v, want %q", msg.GetValue(), err, "enough")
	}
	if err := await(t, "the end of the response", received); err != io.EOF {
		t.Errorf("Recv after the response: got %v, want io.EOF", err)
	}
	_ = s.Close()
	if r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "text"); r.text != "text" || r.err != nil {
		t.Errorf("a call afterwards: got %q, %v, want %q", r.text, r.err, "text")
	}
}
