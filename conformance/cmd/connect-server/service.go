package main

import (
	"context"
	"time"

	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/conformance/internal/suite"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// service answers as the requests themselves say.
type service struct{}

// Unary implements conformancev1.ConformanceServiceServer.
func (service) Unary(ctx context.Context, req *conformancev1.UnaryRequest) (*conformancev1.UnaryResponse, error) {
	payload, err := answer(ctx, req.GetResponseDefinition(), []proto.Message{req})
	return &conformancev1.UnaryResponse{Payload: payload}, err
}

// IdempotentUnary implements conformancev1.ConformanceServiceServer.
func (service) IdempotentUnary(
	ctx context.Context, req *conformancev1.IdempotentUnaryRequest,
) (*conformancev1.IdempotentUnaryResponse, error) {
	payload, err := answer(ctx, req.GetResponseDefinition(), []proto.Message{req})
	return &conformancev1.IdempotentUnaryResponse{Payload: payload}, err
}

// Unimplemented implements conformancev1.ConformanceServiceServer.
func (service) Unimplemented(
	context.Context, *conformancev1.UnimplementedRequest,
) (*conformancev1.UnimplementedResponse, error) {
	return nil, status.Errorf(status.Unimplemented, "this method is not implemented, as the suite asks for")
}

// ClientStream implements conformancev1.ConformanceServiceServer.
func (service) ClientStream(
	ctx context.Context, r *runtime.Receiver[conformancev1.ClientStreamRequest],
) (*conformancev1.ClientStreamResponse, error) {
	var reqs []proto.Message
	var def *conformancev1.UnaryResponseDefinition
	for req, err := range r.All() {
		if err != nil {
			return nil, err
		}
		if reqs == nil {
			def = req.GetResponseDefinition()
		}
		reqs = append(reqs, req)
	}
	payload, err := answer(ctx, def, reqs)
	return &conformancev1.ClientStreamResponse{Payload: payload}, err
}

// ServerStream implements conformancev1.ConformanceServiceServer.
func (service) ServerStream(
	ctx context.Context, req *conformancev1.ServerStreamRequest, s *runtime.Sender[conformancev1.ServerStreamResponse],
) error {
	a := answers{def: req.GetResponseDefinition(), send: func(payload *conformancev1.ConformancePayload) error {
		return s.Send(&conformancev1.ServerStreamResponse{Payload: payload})
	}}
	if err := setMeta(ctx, a.def.GetResponseHeaders(), a.def.GetResponseTrailers()); err != nil {
		return err
	}
	return a.rest(ctx, []proto.Message{req})
}

// BidiStream implements conformancev1.ConformanceServiceServer.
func (service) BidiStream(
	ctx context.Context, s *runtime.Stream[conformancev1.BidiStreamResponse, conformancev1.BidiStreamRequest],
) error {
	a := answers{send: func(payload *conformancev1.ConformancePayload) error {
		return s.Send(&conformancev1.BidiStreamResponse{Payload: payload})
	}}
	var reqs []proto.Message
	first, inTurn := true, false
	for req, err := range s.All() {
		if err != nil {
			return err
		}
		reqs = append(reqs, req)
		if first {
			first, inTurn, a.def = false, req.GetFullDuplex(), req.GetResponseDefinition()
			if err := setMeta(ctx, a.def.GetResponseHeaders(), a.def.GetResponseTrailers()); err != nil {
				return err
			}
		}
		if !inTurn {
			continue
		}
		if !a.more() {
			break
		}
		if err := a.next(ctx, reqs); err != nil {
			return err
		}
		reqs = nil
	}
	return a.rest(ctx, reqs)
}

// answer is the answer of a method that gives one.
func answer(
	ctx context.Context, def *conformancev1.UnaryResponseDefinition, reqs []proto.Message,
) (*conformancev1.ConformancePayload, error) {
	if err := setMeta(ctx, def.GetResponseHeaders(), def.GetResponseTrailers()); err != nil {
		return nil, err
	}
	seen, err := observe(ctx, reqs)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, def.GetResponseDelayMs()); err != nil {
		return nil, err
	}
	if e := def.GetError(); e != nil {
		return nil, suite.Failure(e).With(seen)
	}
	return &conformancev1.ConformancePayload{Data: def.GetResponseData(), RequestInfo: seen}, nil
}

func setMeta(ctx context.Context, headers, trailers []*conformancev1.Header) error {
	meta, err := suite.Meta(headers)
	if err != nil {
		return err
	}
	for _, f := range meta {
		if err := runtime.SetHeader(ctx, f.Key, f.Value); err != nil {
			return err
		}
	}
	if meta, err = suite.Meta(trailers); err != nil {
		return err
	}
	for _, f := range meta {
		if err := runtime.SetTrailer(ctx, f.Key, f.Value); err != nil {
			return err
		}
	}
	return nil
}

// observe tells what the server has seen of a request.
func observe(ctx context.Context, reqs []proto.Message) (*conformancev1.ConformancePayload_RequestInfo, error) {
	seen, err := echo(reqs)
	if err != nil {
		return nil, err
	}
	seen.RequestHeaders = suite.Headers(runtime.RequestMeta(ctx))
	if deadline, ok := ctx.Deadline(); ok {
		seen.TimeoutMs = new(time.Until(deadline).Milliseconds())
	}
	return seen, nil
}

func echo(reqs []proto.Message) (*conformancev1.ConformancePayload_RequestInfo, error) {
	seen := new(conformancev1.ConformancePayload_RequestInfo)
	for _, req := range reqs {
		packed, err := anypb.New(req)
		if err != nil {
			return nil, err
		}
		seen.Requests = append(seen.Requests, packed)
	}
	return seen, nil
}

// pause waits as long as the suite says, even if the call ends before: an answer at the moment when the client's deadline
// passes could reach the client in parts, and the suite would find it broken.
func pause(ctx context.Context, ms uint32) error {
	<-time.NewTimer(time.Duration(ms) * time.Millisecond).C
	return ctx.Err()
}
