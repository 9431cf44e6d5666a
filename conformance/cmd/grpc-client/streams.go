package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/protomicro/micro/conformance/gen/grpctesting"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
)

type duplex = runtime.Stream[grpctesting.StreamingOutputCallRequest, grpctesting.StreamingOutputCallResponse]

// sizes returns those of the payloads that streams carry.
func sizes() (requests, responses []int) {
	return []int{27182, 8, 1828, 45904}, []int{31415, 9, 2653, 58979}
}

func clientStreaming(ctx context.Context, s *session) error {
	requests, _ := sizes()
	return upload(ctx, s.client, requests)
}

// upload sends payloads of the given sizes.
func upload(ctx context.Context, client *grpctesting.TestServiceClient, requests []int) error {
	stream, err := client.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	sum := 0
	for _, size := range requests {
		if err := stream.Send(&grpctesting.StreamingInputCallRequest{Payload: payload(size)}); err != nil {
			break // Finish tells why
		}
		sum += size
	}
	res, err := stream.Finish()
	if err == nil && int(res.GetAggregatedPayloadSize()) != sum {
		err = fmt.Errorf("got %d bytes in all, want %d", res.GetAggregatedPayloadSize(), sum)
	}
	return err
}

func serverStreaming(ctx context.Context, s *session) error {
	_, responses := sizes()
	return download(ctx, s.client, responses)
}

// download receives payloads of the given sizes.
func download(ctx context.Context, client *grpctesting.TestServiceClient, responses []int) error {
	req := new(grpctesting.StreamingOutputCallRequest)
	for _, size := range responses {
		req.ResponseParameters = append(req.ResponseParameters, parameters(size))
	}
	stream, err := client.StreamingOutputCall(ctx, req)
	if err != nil {
		return err
	}
	n := 0
	for res, err := range stream.All() {
		if err == nil && n == len(responses) {
			err = errors.New("there are more responses than were asked for")
		}
		if err == nil {
			err = check(res.GetPayload(), responses[n])
		}
		if err != nil {
			return err
		}
		n++
	}
	if n != len(responses) {
		return fmt.Errorf("got %d responses, want %d", n, len(responses))
	}
	return nil
}

func pingPong(ctx context.Context, s *session) error {
	stream, err := s.client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	requests, responses := sizes()
	for i := range requests {
		if err := exchange(stream, requests[i], responses[i]); err != nil {
			return err
		}
	}
	return end(stream)
}

func emptyStream(ctx context.Context, s *session) error {
	stream, err := s.client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	return end(stream)
}

func timeoutOnSleepingServer(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	stream, err := s.client.FullDuplexCall(ctx)
	if err != nil {
		return hasCode(err, status.DeadlineExceeded)
	}
	_ = stream.Send(&grpctesting.StreamingOutputCallRequest{Payload: payload(27182)}) // Recv tells why
	_, err = stream.Recv()
	return hasCode(err, status.DeadlineExceeded)
}

func cancelAfterBegin(ctx context.Context, s *session) error {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.client.StreamingInputCall(ctx)
	cancel()
	if err != nil {
		return err
	}
	_, err = stream.Finish()
	return hasCode(err, status.Canceled)
}

func cancelAfterFirstResponse(ctx context.Context, s *session) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := exchange(stream, 27182, 31415); err != nil {
		return err
	}
	cancel()
	_, err = stream.Recv()
	return hasCode(err, status.Canceled)
}

// exchange sends a payload and receives another.
func exchange(stream *duplex, request, response int) error {
	err := stream.Send(&grpctesting.StreamingOutputCallRequest{
		ResponseParameters: []*grpctesting.ResponseParameters{parameters(response)},
		Payload:            payload(request),
	})
	if err != nil && err != io.EOF { // io.EOF: Recv says why
		return err
	}
	res, err := stream.Recv()
	if err != nil {
		return err
	}
	return check(res.GetPayload(), response)
}

func parameters(size int) *grpctesting.ResponseParameters {
	return &grpctesting.ResponseParameters{Size: int32(size)} //nolint:gosec // a size of sizes
}

// end finishes the stream, on which nothing more is to come.
func end(stream *duplex) error {
	if err := stream.Finish(); err != nil {
		return err
	}
	switch _, err := stream.Recv(); err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("there are more responses than were asked for")
	default:
		return err
	}
}
