package status_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/protomicro/micro/status"
)

func ExampleErrorf() {
	err := status.Errorf(status.ResourceExhausted, "no seat is left on flight %d", 7).With(durationpb.New(60e9))
	fmt.Println(err)

	// whoever gets it, on either side of the wire:
	fmt.Println(status.CodeOf(err) == status.ResourceExhausted)
	if e, ok := errors.AsType[*status.Error](err); ok {
		for _, detail := range e.Details {
			if msg, err := detail.UnmarshalNew(); err == nil {
				fmt.Println("try again in", msg.(*durationpb.Duration).AsDuration())
			}
		}
	}
	// Output:
	// resource_exhausted: no seat is left on flight 7
	// true
	// try again in 1m0s
}

func TestFrom(t *testing.T) {
	own := status.Errorf(status.NotFound, "it")
	for _, c := range []struct {
		err  error
		code status.Code
		text string
	}{
		{own, status.NotFound, "it"},
		{fmt.Errorf("get: %w", own), status.NotFound, "get: not_found: it"},
		{context.Canceled, status.Canceled, "context canceled"},
		{fmt.Errorf("wait: %w", context.DeadlineExceeded), status.DeadlineExceeded, "wait: context deadline exceeded"},
		{errors.New("boom"), status.Unknown, "boom"},
	} {
		e := status.From(c.err)
		if e.Code != c.code || e.Message != c.text || status.CodeOf(c.err) != c.code {
			t.Errorf("From(%v): got %v, %q; want %v, %q", c.err, e.Code, e.Message, c.code, c.text)
		}
	}
	if status.From(nil) != nil || status.CodeOf(nil) != status.OK {
		t.Error("nil is not OK")
	}
}

func TestError_WithLeavesTheOriginalAlone(t *testing.T) {
	one := status.Errorf(status.Aborted, "x").With(durationpb.New(1))
	two, three := one.With(durationpb.New(2)), one.With(durationpb.New(3))
	if len(one.Details) != 1 || len(two.Details) != 2 || len(three.Details) != 2 || two.Details[1] == three.Details[1] {
		t.Errorf("got %d, %d and %d details", len(one.Details), len(two.Details), len(three.Details))
	}
}

func TestCode_NamesAreReadBack(t *testing.T) {
	for c := status.OK; c <= status.Unauthenticated; c++ {
		if got, ok := status.ParseCode(c.String()); !ok || got != c {
			t.Errorf("%d is called %q, which is read as %v, %v", c, c, got, ok)
		}
	}
	if _, ok := status.ParseCode("code_42"); ok || status.Code(42).String() != "code_42" {
		t.Error("a code without a name")
	}
}
