package main

import (
	"context"

	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/conformance/internal/suite"
	"google.golang.org/protobuf/proto"
)

// answers are those of a method that gives many.
type answers struct {
	def  *conformancev1.StreamResponseDefinition
	send func(*conformancev1.ConformancePayload) error
	sent int
}

// more tells whether there are answers left.
func (a *answers) more() bool { return a.sent < len(a.def.GetResponseData()) }

// next sends the next answer, which echoes reqs. The first tells all that was seen of the request.
func (a *answers) next(ctx context.Context, reqs []proto.Message) error {
	seen, err := echo(reqs)
	if a.sent == 0 {
		seen, err = observe(ctx, reqs)
	}
	if err != nil {
		return err
	}
	if err := pause(ctx, a.def.GetResponseDelayMs()); err != nil {
		return err
	}
	payload := &conformancev1.ConformancePayload{Data: a.def.GetResponseData()[a.sent], RequestInfo: seen}
	a.sent++
	return a.send(payload)
}

// rest sends the answers that are left and returns the outcome of the call.
func (a *answers) rest(ctx context.Context, reqs []proto.Message) error {
	for a.more() {
		if err := a.next(ctx, reqs); err != nil {
			return err
		}
		reqs = nil
	}
	e := a.def.GetError()
	if e == nil {
		return nil
	}
	if a.sent > 0 {
		return suite.Failure(e)
	}
	seen, err := observe(ctx, reqs)
	if err != nil {
		return err
	}
	return suite.Failure(e).With(seen)
}
