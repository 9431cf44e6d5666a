package grpcformat_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

type failing struct{ err *status.Error }

func (f failing) ServeCall(_ context.Context, _ *codec.Call, r codec.Responder) {
	_ = r.Finish(nil, f.err)
}

// TestServe_CutsWhatDoesNotFitIntoTrailers has an error that no peer would take.
func TestServe_CutsWhatDoesNotFitIntoTrailers(t *testing.T) {
	err := &status.Error{
		Code: status.NotFound, Message: strings.Repeat("ü", 100_000), Details: []*anypb.Any{{TypeUrl: "a/b.C", Value: make([]byte, 100_000)}},
	}
	for _, contentType := range []string{"application/grpc", "application/grpc-web"} {
		x := newExchange(contentType, "\x00\x00\x00\x00\x00")
		formatOf(t, &x.req).Serve(t.Context(), x, failing{err}, config(100))
		got := x.outcome(t)
		size := 0
		for key, values := range got {
			size += len(key) + len(strings.Join(values, ""))
		}
		if got.Get("Grpc-Status") != "5" || size > 16<<10 || !strings.Contains(got.Get("Grpc-Message"), "(cut from 200000 bytes) (details of 100005 bytes left out)") {
			t.Errorf("%s: status %s, %d bytes of trailers", contentType, got.Get("Grpc-Status"), size)
		}
	}
}
