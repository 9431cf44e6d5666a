package codectest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

func sampleErrors() []*status.Error {
	var errs []*status.Error
	for code := status.Canceled; code <= status.Unauthenticated; code++ {
		err := status.Errorf(code, "code %d: 100%% \"quoted\" \\ é 世界 \U0001F600\r\n\tnext line <&>", code)
		errs = append(errs, err.With(wrapperspb.String("detail"), structpb.NewNumberValue(float64(code)), &durationpb.Duration{}))
	}
	return append(errs, &status.Error{Code: status.NotFound}, &status.Error{Code: status.Internal, Message: "%"})
}

func formatErrors(t *testing.T, f Format) {
	errs := sampleErrors()
	var next *status.Error
	conn := setup{methods: methods{
		unaryMethod: func(context.Context, *codec.Call, codec.Responder) (any, error) { return nil, next },
		serverMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			if err := r.Recv(nil); err != nil {
				return nil, err
			}
			if err := r.Send(wrapperspb.String("before the error")); err != nil {
				return nil, err
			}
			return nil, next
		},
		bidiMethod: func(context.Context, *codec.Call, codec.Responder) (any, error) { return nil, next },
	}}.conn(t, f)
	for _, next = range errs {
		r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "")
		checkError(t, "unary", r.err, next)
		r = invoke(t.Context(), conn, newCall(bidiMethod, codec.BidiStream), "")
		checkError(t, "bidi stream", r.err, next)
		s := open(t, conn, serverMethod, codec.ServerStream)
		if err := s.Finish(wrapperspb.String(""), nil); err != nil {
			t.Fatalf("Finish: %v", err)
		}
		recvText(t, s)
		checkError(t, "server stream", s.Recv(nil), next)
		checkError(t, "server stream, again", s.Recv(nil), next)
	}
}

func checkError(t *testing.T, what string, err error, want *status.Error) {
	t.Helper()
	got, ok := errors.AsType[*status.Error](err)
	if !ok {
		t.Errorf("%s: got %v, want %v", what, err, want)
		return
	}
	if got.Code != want.Code || got.Message != want.Message {
		t.Errorf("%s: got %v %q, want %v %q", what, got.Code, got.Message, want.Code, want.Message)
	}
	if len(got.Details) != len(want.Details) {
		t.Errorf("%s: %v: got %d details, want %d", what, want.Code, len(got.Details), len(want.Details))
		return
	}
	for i := range got.Details {
		if !proto.Equal(got.Details[i], want.Details[i]) {
			t.Errorf("%s: %v: detail %d: got %v, want %v", what, want.Code, i, got.Details[i], want.Details[i])
		}
	}
}

func formatOtherErrors(t *testing.T, f Format) {
	var next error
	conn := setup{methods: methods{
		unaryMethod: func(context.Context, *codec.Call, codec.Responder) (any, error) { return nil, next },
		serverMethod: func(context.Context, *codec.Call, codec.Responder) (any, error) {
			return 42, nil // not a message
		},
		clientMethod: echoOne,
	}}.conn(t, f)
	for _, row := range []struct {
		err  error
		want *status.Error
	}{
		{errors.New("plain"), &status.Error{Code: status.Unknown, Message: "plain"}},
		{context.Canceled, &status.Error{Code: status.Canceled, Message: "context canceled"}},
		{fmt.Errorf("wait: %w", context.DeadlineExceeded), &status.Error{Code: status.DeadlineExceeded, Message: "wait: context deadline exceeded"}},
		{fmt.Errorf("get: %w", &status.Error{Code: status.NotFound, Message: "it"}), &status.Error{Code: status.NotFound, Message: "get: not_found: it"}},
	} {
		next = row.err
		checkError(t, row.err.Error(), invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "").err, row.want)
	}
	for _, kind := range []codec.Kind{codec.Unary, codec.ServerStream} {
		wantCode(t, "a response that is not a message", invoke(t.Context(), conn, newCall(serverMethod, kind), "").err, status.Internal)
	}
	s := open(t, conn, clientMethod, codec.ClientStream)
	wantCode(t, "Send of what is not a message", s.Send(42), status.Internal)
}
