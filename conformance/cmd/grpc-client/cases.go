package main

import (
	"context"
	"fmt"

	"github.com/protomicro/micro/conformance/gen/grpctesting"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
)

// Sizes of payloads, in bytes, as the descriptions of the test cases have them.
const (
	largeRequest  = 271828
	largeResponse = 314159
)

// cases are the test cases by name.
func cases() map[string]func(context.Context, *session) error {
	return map[string]func(context.Context, *session) error{
		"empty_unary":                 emptyUnary,
		"large_unary":                 largeUnary,
		"client_streaming":            clientStreaming,
		"server_streaming":            serverStreaming,
		"ping_pong":                   pingPong,
		"empty_stream":                emptyStream,
		"timeout_on_sleeping_server":  timeoutOnSleepingServer,
		"cancel_after_begin":          cancelAfterBegin,
		"cancel_after_first_response": cancelAfterFirstResponse,
		"status_code_and_message":     statusCodeAndMessage,
		"special_status_message":      specialStatusMessage,
		"custom_metadata":             customMetadata,
		"unimplemented_method":        unimplementedMethod,
		"unimplemented_service":       unimplementedService,
		"client_compressed_unary":     clientCompressedUnary,
		"server_compressed_unary":     serverCompressedUnary,
		"client_compressed_streaming": clientCompressedStreaming,
		"server_compressed_streaming": serverCompressedStreaming,
	}
}

func emptyUnary(ctx context.Context, s *session) error {
	_, err := s.client.EmptyCall(ctx, new(grpctesting.Empty))
	return err
}

func largeUnary(ctx context.Context, s *session) error { return unaryCall(ctx, s.client) }

// unaryCall makes a call with large messages.
func unaryCall(ctx context.Context, client *grpctesting.TestServiceClient) error {
	res, err := client.UnaryCall(ctx, &grpctesting.SimpleRequest{ResponseSize: largeResponse, Payload: payload(largeRequest)})
	if err != nil {
		return err
	}
	return check(res.GetPayload(), largeResponse)
}

func unimplementedMethod(ctx context.Context, s *session) error {
	_, err := s.client.UnimplementedCall(ctx, new(grpctesting.Empty))
	return hasCode(err, status.Unimplemented)
}

func unimplementedService(ctx context.Context, s *session) error {
	_, err := grpctesting.NewUnimplementedServiceClient(s.conn).UnimplementedCall(ctx, new(grpctesting.Empty))
	return hasCode(err, status.Unimplemented)
}

func statusCodeAndMessage(ctx context.Context, s *session) error {
	want := &grpctesting.EchoStatus{Code: int32(status.Unknown), Message: "test status message"}
	_, err := s.client.UnaryCall(ctx, &grpctesting.SimpleRequest{ResponseStatus: want})
	if err := hasStatus(err, want); err != nil {
		return fmt.Errorf("unary: %w", err)
	}
	stream, err := s.client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&grpctesting.StreamingOutputCallRequest{ResponseStatus: want}); err != nil {
		return err
	}
	if err := stream.Finish(); err != nil {
		return err
	}
	_, err = stream.Recv()
	return hasStatus(err, want)
}

func specialStatusMessage(ctx context.Context, s *session) error {
	want := &grpctesting.EchoStatus{
		Code:    int32(status.Unknown),
		Message: "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
	}
	_, err := s.client.UnaryCall(ctx, &grpctesting.SimpleRequest{ResponseStatus: want})
	return hasStatus(err, want)
}

func customMetadata(ctx context.Context, s *session) error {
	const (
		initial, initialValue   = "x-grpc-test-echo-initial", "test_initial_metadata_value"
		trailing, trailingValue = "x-grpc-test-echo-trailing-bin", "\x0a\x0b\x0a\x0b\x0a\x0b"
	)
	validate := func(header, trailer runtime.Meta) error {
		if got := header.Values(initial); len(got) != 1 || got[0] != initialValue {
			return fmt.Errorf("header %s: got %q, want %q", initial, got, initialValue)
		}
		if got := trailer.Values(trailing); len(got) != 1 || got[0] != trailingValue {
			return fmt.Errorf("trailer %s: got %q, want %q", trailing, got, trailingValue)
		}
		return nil
	}
	ctx = runtime.WithMeta(runtime.WithMeta(ctx, initial, initialValue), trailing, trailingValue)
	var meta runtime.ResponseMeta
	req := &grpctesting.SimpleRequest{ResponseSize: 1, Payload: payload(1)}
	if _, err := s.client.UnaryCall(runtime.WithResponseMeta(ctx, &meta), req); err != nil {
		return err
	}
	if err := validate(meta.Header, meta.Trailer); err != nil {
		return fmt.Errorf("unary: %w", err)
	}
	stream, err := s.client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := exchange(stream, 1, 1); err != nil {
		return err
	}
	header, err := stream.Header()
	if err != nil {
		return err
	}
	if err := end(stream); err != nil {
		return err
	}
	return validate(header, stream.Trailer())
}
