package main

import (
	"errors"
	"fmt"

	"github.com/protomicro/micro/conformance/gen/grpctesting"
	"github.com/protomicro/micro/status"
)

func payload(size int) *grpctesting.Payload { return &grpctesting.Payload{Body: make([]byte, size)} }

// check tells whether p is what was asked for.
func check(p *grpctesting.Payload, size int) error {
	if p.GetType() != grpctesting.PayloadType_COMPRESSABLE || len(p.GetBody()) != size {
		return fmt.Errorf("got a payload of type %v with %d bytes, want COMPRESSABLE with %d", p.GetType(), len(p.GetBody()), size)
	}
	return nil
}

func hasCode(err error, want status.Code) error {
	if got := status.CodeOf(err); got != want {
		return fmt.Errorf("got %w, want %v", orNone(err), want)
	}
	return nil
}

func hasStatus(err error, want *grpctesting.EchoStatus) error {
	if status.CodeOf(err) != codeOf(want) || status.From(err).Message != want.GetMessage() {
		return fmt.Errorf("got %w, want %v", orNone(err), want)
	}
	return nil
}

func codeOf(s *grpctesting.EchoStatus) status.Code { return status.Code(s.GetCode()) } //nolint:gosec // one of the constants

// orNone returns an error to print in any case.
func orNone(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}
