package main

import (
	"context"
	"io"
	"time"

	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/conformance/internal/suite"
	"github.com/protomicro/micro/runtime"
)

// clientStream sends the requests and receives the one response.
func (s *script) clientStream(ctx context.Context) error {
	stream, err := s.client.ClientStream(ctx)
	if err != nil {
		s.result.Error = suite.Error(err)
		return nil
	}
	for i, packed := range s.GetRequestMessages() {
		req := new(conformancev1.ClientStreamRequest)
		if err := packed.UnmarshalTo(req); err != nil {
			return err
		}
		pause(ctx, milliseconds(s.GetRequestDelayMs()))
		if err := stream.Send(req); err != nil { // Finish tells why
			s.unsent(i)
			break
		}
	}
	if s.cancelBeforeFinish() {
		s.cancel()
	} else if after, ok := s.cancelAfterSend(); ok {
		defer time.AfterFunc(after, s.cancel).Stop()
	}
	res, err := stream.Finish()
	if header, err := stream.Header(); err == nil {
		s.result.ResponseHeaders = suite.Headers(header)
	}
	s.result.ResponseTrailers = suite.Headers(stream.Trailer())
	if err != nil {
		s.result.Error = suite.Error(err)
		return nil
	}
	s.received(res.GetPayload())
	return nil
}

// serverStream sends the one request and receives the responses.
func (s *script) serverStream(ctx context.Context) error {
	req := new(conformancev1.ServerStreamRequest)
	if err := s.only(req); err != nil {
		return err
	}
	stream, err := s.client.ServerStream(ctx, req)
	if err != nil {
		s.result.Error = suite.Error(err)
		return nil
	}
	if after, ok := s.cancelAfterSend(); ok {
		pause(ctx, after)
		s.cancel()
	}
	for res, err := range stream.All() {
		if err != nil {
			s.result.Error = suite.Error(err)
			break
		}
		s.received(res.GetPayload())
	}
	s.meta(stream)
	return nil
}

// bidiStream sends the requests, and receives the responses between them or behind them.
func (s *script) bidiStream(ctx context.Context) error {
	stream, err := s.client.BidiStream(ctx)
	if err != nil {
		s.result.Error = suite.Error(err)
		return nil
	}
	defer func() { _ = stream.Close() }()
	ended, err := s.converse(ctx, stream)
	if err != nil {
		return err
	}
	if !ended {
		s.finish(ctx, stream)
		for s.receive(stream) {
		}
	}
	s.meta(stream)
	return nil
}

// converse sends the requests, and for each of them receives a response if both sides are to talk in turn. It tells
// whether the call has ended.
func (s *script) converse(
	ctx context.Context, stream *runtime.Stream[conformancev1.BidiStreamRequest, conformancev1.BidiStreamResponse],
) (ended bool, err error) {
	inTurn := s.GetStreamType() == conformancev1.StreamType_STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM
	for i, packed := range s.GetRequestMessages() {
		req := new(conformancev1.BidiStreamRequest)
		if err := packed.UnmarshalTo(req); err != nil {
			return false, err
		}
		pause(ctx, milliseconds(s.GetRequestDelayMs()))
		if err := stream.Send(req); err != nil { // Recv tells why
			s.unsent(i)
			for s.receive(stream) {
			}
			return true, nil
		}
		if inTurn && !s.receive(stream) {
			s.unsent(i + 1)
			return true, nil
		}
	}
	return false, nil
}

// finish ends the requests, or cancels the call before that or behind it.
func (s *script) finish(
	ctx context.Context, stream *runtime.Stream[conformancev1.BidiStreamRequest, conformancev1.BidiStreamResponse],
) {
	if s.cancelBeforeFinish() {
		s.cancel()
	}
	_ = stream.Finish() // Recv tells why
	if after, ok := s.cancelAfterSend(); ok {
		pause(ctx, after)
		s.cancel()
	}
}

// receive receives a response and tells whether there was one.
func (s *script) receive(stream *runtime.Stream[conformancev1.BidiStreamRequest, conformancev1.BidiStreamResponse]) bool {
	res, err := stream.Recv()
	switch err {
	case nil:
		s.received(res.GetPayload())
		return true
	case io.EOF:
	default:
		s.result.Error = suite.Error(err)
	}
	return false
}

// unsent notes that requests could not be sent: all but the first n.
func (s *script) unsent(n int) {
	s.result.NumUnsentRequests = int32(len(s.GetRequestMessages()) - n) //nolint:gosec // there are but a few
}

// meta notes the metadata of a stream that has ended.
func (s *script) meta(stream interface {
	Header() (runtime.Meta, error)
	Trailer() runtime.Meta
},
) {
	if header, err := stream.Header(); err == nil {
		s.result.ResponseHeaders = suite.Headers(header)
	}
	s.result.ResponseTrailers = suite.Headers(stream.Trailer())
}
