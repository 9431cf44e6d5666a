package main

import (
	"context"
	"fmt"
	"time"

	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/conformance/internal/suite"
	"github.com/protomicro/micro/runtime"
	"google.golang.org/protobuf/proto"
)

// A script is what is to be done in the course of one call.
type script struct {
	*conformancev1.ClientCompatRequest

	client *conformancev1.ConformanceServiceClient
	cancel context.CancelFunc // of the call
	result *conformancev1.ClientResponseResult
}

// call makes the call that req describes. An error says why there was none.
func call(
	ctx context.Context, client *conformancev1.ConformanceServiceClient, req *conformancev1.ClientCompatRequest,
) (*conformancev1.ClientResponseResult, error) {
	ctx, err := suite.Outgoing(ctx, req.GetRequestHeaders())
	if err != nil {
		return nil, err
	}
	if req.TimeoutMs != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, milliseconds(req.GetTimeoutMs()))
		defer cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &script{req, client, cancel, new(conformancev1.ClientResponseResult)}
	switch req.GetMethod() {
	case "Unary":
		err = unary(ctx, s, client.Unary, (*conformancev1.UnaryResponse).GetPayload)
	case "IdempotentUnary":
		err = unary(ctx, s, client.IdempotentUnary, (*conformancev1.IdempotentUnaryResponse).GetPayload)
	case "Unimplemented":
		err = unary(ctx, s, client.Unimplemented, noPayload)
	case "ClientStream":
		err = s.clientStream(ctx)
	case "ServerStream":
		err = s.serverStream(ctx)
	case "BidiStream":
		err = s.bidiStream(ctx)
	default:
		err = fmt.Errorf("there is no method %s", req.GetMethod())
	}
	return s.result, err
}

func noPayload(*conformancev1.UnimplementedResponse) *conformancev1.ConformancePayload { return nil }

// unary makes a call with one message each way.
func unary[Req, Res any, Msg interface {
	*Req
	proto.Message
}](
	ctx context.Context, s *script,
	method func(context.Context, *Req) (*Res, error),
	payload func(*Res) *conformancev1.ConformancePayload,
) error {
	req := new(Req)
	if err := s.only(Msg(req)); err != nil {
		return err
	}
	if after, ok := s.cancelAfterSend(); ok {
		defer time.AfterFunc(after, s.cancel).Stop()
	}
	var meta runtime.ResponseMeta
	res, err := method(runtime.WithResponseMeta(ctx, &meta), req)
	s.result.ResponseHeaders = suite.Headers(meta.Header)
	s.result.ResponseTrailers = suite.Headers(meta.Trailer)
	if err != nil {
		s.result.Error = suite.Error(err)
		return nil
	}
	s.received(payload(res))
	return nil
}

// only decodes the one request.
func (s *script) only(req proto.Message) error {
	if n := len(s.GetRequestMessages()); n != 1 {
		return fmt.Errorf("%s takes one request, and %d are given", s.GetMethod(), n)
	}
	return s.GetRequestMessages()[0].UnmarshalTo(req)
}

// cancelAfterSend tells whether the call is to be canceled once all is sent, and how long after that.
func (s *script) cancelAfterSend() (time.Duration, bool) {
	switch timing := s.GetCancel().GetCancelTiming().(type) {
	case nil:
		return 0, s.GetCancel() != nil
	case *conformancev1.ClientCompatRequest_Cancel_AfterCloseSendMs:
		return milliseconds(timing.AfterCloseSendMs), true
	}
	return 0, false
}

// cancelBeforeFinish tells whether the call is to be canceled once all but the end is sent.
func (s *script) cancelBeforeFinish() bool {
	_, ok := s.GetCancel().GetCancelTiming().(*conformancev1.ClientCompatRequest_Cancel_BeforeCloseSend)
	return ok
}

// received notes a payload, and cancels the call if it is its turn.
func (s *script) received(payload *conformancev1.ConformancePayload) {
	if payload == nil {
		payload = new(conformancev1.ConformancePayload)
	}
	s.result.Payloads = append(s.result.Payloads, payload)
	if n := s.GetCancel().GetAfterNumResponses(); n > 0 && int(n) == len(s.result.GetPayloads()) {
		s.cancel()
	}
}

// pause waits, but no longer than the call lasts.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func milliseconds(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
