package codectest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
)

func formatManyMessages(t *testing.T, f Format) {
	const many = 10_000
	conn := setup{methods: methods{
		serverMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			for i := range int64(many) {
				if err := r.Send(wrapperspb.Int64(i)); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
		clientMethod: countAll,
	}}.conn(t, f)
	s := open(t, conn, serverMethod, codec.ServerStream)
	if err := s.Finish(wrapperspb.String(""), nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	msg := &wrapperspb.Int64Value{}
	for i := range int64(many) {
		if err := s.Recv(msg); err != nil || msg.GetValue() != i {
			t.Fatalf("message %d: got %d, %v", i, msg.GetValue(), err)
		}
	}
	wantEOF(t, s)

	s = open(t, conn, clientMethod, codec.ClientStream)
	for range many {
		sendText(t, s, "x")
	}
	finish(t, s)
	if err := s.Recv(msg); err != nil || msg.GetValue() != many {
		t.Errorf("messages received: got %d, %v, want %d", msg.GetValue(), err, many)
	}
}

func formatLargeMessages(t *testing.T, f Format) {
	conn := setup{methods: methods{
		unaryMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			msg := &wrapperspb.BytesValue{}
			return msg, r.Recv(msg)
		},
	}}.conn(t, f)
	want := bytes.Repeat([]byte("0123456789abcdef!"), 3<<20/17)
	s := open(t, conn, unaryMethod, codec.Unary)
	if err := s.Finish(wrapperspb.Bytes(want), nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	got := &wrapperspb.BytesValue{}
	if err := s.Recv(got); err != nil || !bytes.Equal(got.GetValue(), want) {
		t.Errorf("a message of %d bytes: got %d bytes, %v, equal %t", len(want), len(got.GetValue()), err, bytes.Equal(got.GetValue(), want))
	}
}

func formatConcurrentCalls(t *testing.T, f Format) {
	const callers, calls = 64, 50
	conn := setup{methods: methods{unaryMethod: echoOne, bidiMethod: echoAll}}.conn(t, f)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range calls {
				text := strings.Repeat(fmt.Sprint(caller, "/", i, " "), 1+(caller*i)%100)
				kind, method := codec.Unary, unaryMethod
				if i%10 == 9 {
					kind, method = codec.BidiStream, bidiMethod
				}
				call := newCall(method, kind)
				call.Header = codec.Meta{{Key: "x-caller", Value: text[:3]}}
				if r := invoke(t.Context(), conn, call, text); r.err != nil || r.text != text {
					t.Errorf("caller %d, call %d: got %d bytes, %v, want %d bytes", caller, i, len(r.text), r.err, len(text))
					return
				}
			}
		})
	}
	wg.Wait()
	if err := conn.Close(); err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("Close: %v", err)
	}
}
