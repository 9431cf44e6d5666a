// Package status holds the errors that cross the wire: a code every RPC system shares, a message for
// people, and typed details for programs.
package status

import (
	"context"
	"errors"
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// An Error is the outcome of a call that failed. It travels in every format; the peer sees its code, its
// message and its details. It must not be changed once it was returned.
type Error struct {
	Code    Code
	Message string
	Details []*anypb.Any // google.rpc.Status.details
}

// Errorf returns an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the code and the message: "not_found: no city named Atlantis".
func (e *Error) Error() string {
	if e == nil {
		return OK.String()
	}
	return e.Code.String() + ": " + e.Message
}

// With returns a copy of e that carries msgs as further details. A message that cannot be encoded is left out.
func (e *Error) With(msgs ...proto.Message) *Error {
	c := *e
	c.Details = append([]*anypb.Any(nil), e.Details...)
	for _, msg := range msgs {
		if detail, err := anypb.New(msg); err == nil {
			c.Details = append(c.Details, detail)
		}
	}
	return &c
}

// From returns err as an Error: nil for nil and for a nil *Error, an Error found in err's chain with the whole text of err
// as its message, Canceled and DeadlineExceeded for the errors of a context, and Unknown with the text of anything else.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok {
		return e
	}
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return &Error{Code: e.Code, Message: err.Error(), Details: e.Details}
	}
	return &Error{Code: CodeOf(err), Message: err.Error()}
}

// CodeOf returns the code that From(err) would carry, and OK for nil.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e == nil {
			return OK
		}
		return e.Code
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return DeadlineExceeded
	}
	return Unknown
}
