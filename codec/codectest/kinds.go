package codectest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

func formatKinds(t *testing.T, f Format, c codec.Codec) {
	conn := setup{methods: methods{
		unaryMethod: func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
			if call.Kind != codec.Unary && call.Kind != codec.AnyKind || call.Codec.Name() != f.codec(c).Name() || call.Format == "" || call.Peer == "" {
				return nil, status.Errorf(status.Internal, "the head of the call is wrong: %+v", *call)
			}
			return echoOne(ctx, call, r)
		},
		serverMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			req := &wrapperspb.StringValue{}
			if err := r.Recv(req); err != nil {
				return nil, err
			}
			if err := r.Recv(nil); err != io.EOF {
				return nil, status.Errorf(status.Internal, "second Recv of a single request: got %v, want io.EOF", err)
			}
			for i := range 3 {
				if err := r.Send(wrapperspb.String(fmt.Sprint(req.GetValue(), i))); err != nil {
					return nil, err
				}
			}
			return wrapperspb.String("last"), nil
		},
		clientMethod: countAll,
		bidiMethod:   echoAll,
	}}.conn(t, f)

	call := newCall(unaryMethod, codec.Unary)
	call.Codec = c
	if r := invoke(t.Context(), conn, call, "text"); r.text != "text" || r.err != nil {
		t.Errorf("unary: got %q, %v, want %q", r.text, r.err, "text")
	}

	call = newCall(serverMethod, codec.ServerStream)
	call.Codec = c
	s := openCall(t.Context(), t, conn, call)
	if err := s.Finish(wrapperspb.String("n"), nil); err != nil {
		t.Fatalf("server stream: Finish: %v", err)
	}
	for _, want := range []string{"n0", "n1", "n2", "last"} {
		if got := recvText(t, s); got != want {
			t.Errorf("server stream: got %q, want %q", got, want)
		}
	}
	wantEOF(t, s)
	wantEOF(t, s)

	call = newCall(clientMethod, codec.ClientStream)
	call.Codec = c
	s = openCall(t.Context(), t, conn, call)
	for i := range 4 {
		sendText(t, s, fmt.Sprint(i))
	}
	if err := s.Finish(wrapperspb.String("last"), nil); err != nil {
		t.Fatalf("client stream: Finish: %v", err)
	}
	n := &wrapperspb.Int64Value{}
	if err := s.Recv(n); err != nil || n.GetValue() != 5 {
		t.Errorf("client stream: got %d, %v, want 5", n.GetValue(), err)
	}
	wantEOF(t, s)

	call = newCall(bidiMethod, codec.BidiStream)
	call.Codec = c
	s = openCall(t.Context(), t, conn, call)
	sendText(t, s, "one")
	sendText(t, s, "two")
	finish(t, s)
	if got := []string{recvText(t, s), recvText(t, s)}; !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("bidi stream: got %q, want one and two", got)
	}
	wantEOF(t, s)
}

func formatEmptyMessages(t *testing.T, f Format) {
	conn := setup{methods: methods{
		unaryMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			return &wrapperspb.StringValue{}, r.Recv(&wrapperspb.StringValue{})
		},
		clientMethod: countAll,
		bidiMethod:   echoAll,
	}}.conn(t, f)
	if r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), ""); r.text != "" || r.err != nil {
		t.Errorf("unary: got %q, %v, want an empty message", r.text, r.err)
	}

	s := open(t, conn, bidiMethod, codec.BidiStream)
	for range 3 {
		sendText(t, s, "")
	}
	finish(t, s)
	for range 3 {
		if got := recvText(t, s); got != "" {
			t.Errorf("bidi stream: got %q, want an empty message", got)
		}
	}
	wantEOF(t, s)

	s = open(t, conn, clientMethod, codec.ClientStream)
	finish(t, s)
	n := &wrapperspb.Int64Value{Value: 1}
	if err := s.Recv(n); err != nil || n.GetValue() != 0 {
		t.Errorf("client stream without a message: got %d, %v, want 0", n.GetValue(), err)
	}
	wantEOF(t, s)

	s = open(t, conn, bidiMethod, codec.BidiStream)
	finish(t, s)
	wantEOF(t, s)
}

func formatHalfClose(t *testing.T, f Format) {
	conn := setup{methods: methods{
		bidiMethod: func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
			if _, err := countAll(ctx, call, r); err != nil {
				return nil, err
			}
			for range 2 {
				if err := r.Send(wrapperspb.String("after")); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	}}.conn(t, f)
	s := open(t, conn, bidiMethod, codec.BidiStream)
	sendText(t, s, "before")
	finish(t, s)
	if got := recvText(t, s) + recvText(t, s); got != "afterafter" {
		t.Errorf("after the request's end: got %q, want two messages", got)
	}
	wantEOF(t, s)
}

func formatPingPong(t *testing.T, f Format) {
	if !f.FullDuplex {
		t.Skip("the transport is half duplex")
	}
	conn := setup{methods: methods{bidiMethod: echoAll}}.conn(t, f)
	s := open(t, conn, bidiMethod, codec.BidiStream)
	for i := range 500 {
		want := fmt.Sprint("ball ", i)
		sendText(t, s, want)
		if got := recvText(t, s); got != want {
			t.Fatalf("ping %d: got %q, want %q", i, got, want)
		}
	}
	finish(t, s)
	wantEOF(t, s)
}

func formatUnknownMethod(t *testing.T, f Format) {
	conn := setup{methods: methods{unaryMethod: echoOne}}.conn(t, f)
	for _, kind := range []codec.Kind{codec.Unary, codec.ServerStream} {
		r := invoke(t.Context(), conn, newCall("codectest.v1.Test/Missing", kind), "")
		wantCode(t, kind.String(), r.err, status.Unimplemented)
	}
	s := open(t, conn, "codectest.v1.Test/Missing", codec.BidiStream)
	_ = s.Finish(nil, nil)
	wantCode(t, "bidi stream", s.Recv(nil), status.Unimplemented)
	if r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "known"); r.text != "known" || r.err != nil {
		t.Errorf("a known method afterwards: got %q, %v, want %q", r.text, r.err, "known")
	}
}
