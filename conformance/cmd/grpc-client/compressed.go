package main

import (
	"context"
	"fmt"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/conformance/gen/grpctesting"
)

// What is compressed is not for a caller or a handler to see, so these test cases count the bytes on the wire. They leave
// out the probes, with which a server shows that it sees it.

const headroom = 32 << 10 // of a connection, for all but large payloads, in bytes

func clientCompressedUnary(ctx context.Context, s *session) error {
	call := func(c *grpctesting.TestServiceClient) error { return unaryCall(ctx, c) }
	sent, _, err := s.measure(gzip(1), call)
	if err := within("compressed", sent, 0, err); err != nil {
		return err
	}
	sent, _, err = s.measure(codec.Compression{}, call)
	return within("not compressed", sent, largeRequest, err)
}

func serverCompressedUnary(ctx context.Context, s *session) error {
	call := func(c *grpctesting.TestServiceClient) error { return unaryCall(ctx, c) }
	_, received, err := s.measure(codec.Compression{}, call)
	if err := within("compressed", received, 0, err); err != nil {
		return err
	}
	_, received, err = s.measure(none(), call)
	return within("not compressed", received, largeResponse, err)
}

// Of the two requests the larger one is compressed.
func clientCompressedStreaming(ctx context.Context, s *session) error {
	sent, _, err := s.measure(gzip(100_000), func(c *grpctesting.TestServiceClient) error {
		return upload(ctx, c, []int{90_000, 120_000})
	})
	return within("one compressed", sent, 90_000, err)
}

func serverCompressedStreaming(ctx context.Context, s *session) error {
	call := func(c *grpctesting.TestServiceClient) error { return download(ctx, c, []int{31415, 92653}) }
	_, received, err := s.measure(codec.Compression{}, call)
	if err := within("compressed", received, 0, err); err != nil {
		return err
	}
	_, received, err = s.measure(none(), call)
	return within("not compressed", received, 31415+92653, err)
}

// gzip compresses requests of minBytes and more.
func gzip(minBytes int) codec.Compression { return codec.Compression{Send: "gzip", MinBytes: minBytes} }

// none accepts nothing that is compressed.
func none() codec.Compression { return codec.Compression{Accept: codec.Compressors{}} }

// within tells whether so many bytes are those of payloads of want bytes.
func within(what string, bytes, want int64, err error) error {
	if err == nil && (bytes < want || bytes > want+headroom) {
		err = fmt.Errorf("%s: got %d bytes on the wire, want %d and up to %d more", what, bytes, want, headroom)
	}
	return err
}
