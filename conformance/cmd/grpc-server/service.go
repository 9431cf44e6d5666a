package main

import (
	"context"
	"time"

	"github.com/protomicro/micro/conformance/gen/grpctesting"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
)

// The metadata of a request that goes back with the response.
const (
	echoInitial  = "x-grpc-test-echo-initial"
	echoTrailing = "x-grpc-test-echo-trailing-bin"
)

const maxBody = 4 << 20 // of a response, in bytes

// service answers as the descriptions of the test cases say.
type service struct{}

// EmptyCall implements grpctesting.TestServiceServer.
func (service) EmptyCall(context.Context, *grpctesting.Empty) (*grpctesting.Empty, error) {
	return new(grpctesting.Empty), nil
}

// UnaryCall implements grpctesting.TestServiceServer.
func (service) UnaryCall(ctx context.Context, req *grpctesting.SimpleRequest) (*grpctesting.SimpleResponse, error) {
	if err := echoMeta(ctx); err != nil {
		return nil, err
	}
	if err := outcome(req.GetResponseStatus()); err != nil {
		return nil, err
	}
	payload, err := newPayload(req.GetResponseType(), req.GetResponseSize())
	return &grpctesting.SimpleResponse{Payload: payload}, err
}

// CacheableUnaryCall implements grpctesting.TestServiceServer.
func (s service) CacheableUnaryCall(ctx context.Context, req *grpctesting.SimpleRequest) (*grpctesting.SimpleResponse, error) {
	return s.UnaryCall(ctx, req)
}

// StreamingOutputCall implements grpctesting.TestServiceServer.
func (service) StreamingOutputCall(
	ctx context.Context, req *grpctesting.StreamingOutputCallRequest, s *runtime.Sender[grpctesting.StreamingOutputCallResponse],
) error {
	return respond(ctx, req, s.Send)
}

// StreamingInputCall implements grpctesting.TestServiceServer.
func (service) StreamingInputCall(
	_ context.Context, r *runtime.Receiver[grpctesting.StreamingInputCallRequest],
) (*grpctesting.StreamingInputCallResponse, error) {
	res := new(grpctesting.StreamingInputCallResponse)
	for req, err := range r.All() {
		if err != nil {
			return nil, err
		}
		res.AggregatedPayloadSize += int32(len(req.GetPayload().GetBody())) //nolint:gosec // a message has less than 2 GiB
	}
	return res, nil
}

// FullDuplexCall implements grpctesting.TestServiceServer.
func (service) FullDuplexCall(
	ctx context.Context, s *runtime.Stream[grpctesting.StreamingOutputCallResponse, grpctesting.StreamingOutputCallRequest],
) error {
	if err := echoMeta(ctx); err != nil {
		return err
	}
	for req, err := range s.All() {
		if err == nil {
			err = outcome(req.GetResponseStatus())
		}
		if err == nil {
			err = respond(ctx, req, s.Send)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// HalfDuplexCall implements grpctesting.TestServiceServer.
func (service) HalfDuplexCall(
	ctx context.Context, s *runtime.Stream[grpctesting.StreamingOutputCallResponse, grpctesting.StreamingOutputCallRequest],
) error {
	var reqs []*grpctesting.StreamingOutputCallRequest
	for req, err := range s.All() {
		if err != nil {
			return err
		}
		reqs = append(reqs, req)
	}
	for _, req := range reqs {
		if err := respond(ctx, req, s.Send); err != nil {
			return err
		}
	}
	return nil
}

// UnimplementedCall implements grpctesting.TestServiceServer.
func (service) UnimplementedCall(context.Context, *grpctesting.Empty) (*grpctesting.Empty, error) {
	return nil, status.Errorf(status.Unimplemented, "this method is not implemented, as the test cases ask for")
}

// echoMeta sends back the metadata that is meant for it.
func echoMeta(ctx context.Context) error {
	for _, f := range runtime.RequestMeta(ctx) {
		var err error
		switch f.Key {
		case echoInitial:
			err = runtime.SetHeader(ctx, f.Key, f.Value)
		case echoTrailing:
			err = runtime.SetTrailer(ctx, f.Key, f.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outcome returns the error that a request asks for.
func outcome(s *grpctesting.EchoStatus) error {
	if s.GetCode() == 0 {
		return nil
	}
	code := status.Code(s.GetCode()) //nolint:gosec // a number without a name is what the client asks for
	return &status.Error{Code: code, Message: s.GetMessage()}
}

// respond sends the responses that req asks for.
func respond(
	ctx context.Context, req *grpctesting.StreamingOutputCallRequest, send func(*grpctesting.StreamingOutputCallResponse) error,
) error {
	for _, params := range req.GetResponseParameters() {
		if err := pause(ctx, time.Duration(params.GetIntervalUs())*time.Microsecond); err != nil {
			return err
		}
		payload, err := newPayload(req.GetResponseType(), params.GetSize())
		if err != nil {
			return err
		}
		if err := send(&grpctesting.StreamingOutputCallResponse{Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

func newPayload(kind grpctesting.PayloadType, size int32) (*grpctesting.Payload, error) {
	if kind != grpctesting.PayloadType_COMPRESSABLE || size < 0 || size > maxBody {
		return nil, status.Errorf(status.InvalidArgument, "no payload of type %v has %d bytes", kind, size)
	}
	return &grpctesting.Payload{Type: kind, Body: make([]byte, size)}, nil
}

// pause waits for d, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
