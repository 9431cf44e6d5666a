package suite

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
)

// Headers returns meta as the suite writes it: one entry for each key, binary values in base64.
func Headers(meta codec.Meta) []*conformancev1.Header {
	var headers []*conformancev1.Header
	index := make(map[string]*conformancev1.Header)
	for _, f := range meta {
		h := index[f.Key]
		if h == nil {
			h = &conformancev1.Header{Name: f.Key}
			index[f.Key] = h
			headers = append(headers, h)
		}
		value := f.Value
		if strings.HasSuffix(f.Key, "-bin") {
			value = base64.RawStdEncoding.EncodeToString([]byte(value))
		}
		h.Value = append(h.Value, value)
	}
	return headers
}

// Meta returns the metadata that headers stand for.
func Meta(headers []*conformancev1.Header) (codec.Meta, error) {
	var meta codec.Meta
	for _, h := range headers {
		for _, value := range h.GetValue() {
			if strings.HasSuffix(strings.ToLower(h.GetName()), "-bin") {
				data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
				if err != nil {
					return nil, err
				}
				value = string(data)
			}
			meta = meta.With(h.GetName(), value)
		}
	}
	return meta, nil
}

// Outgoing returns a context whose calls carry headers.
func Outgoing(ctx context.Context, headers []*conformancev1.Header) (context.Context, error) {
	meta, err := Meta(headers)
	for _, f := range meta {
		ctx = runtime.WithMeta(ctx, f.Key, f.Value) //nolint:fatcontext // each adds a value, and all are wanted
	}
	return ctx, err
}

// Failure returns the error that a handler is to return.
func Failure(e *conformancev1.Error) *status.Error {
	return &status.Error{
		Code:    status.Code(e.GetCode()), //nolint:gosec // the numbers are the same, and not negative
		Message: e.GetMessage(),
		Details: e.GetDetails(),
	}
}

// Error returns err as the suite writes it, or nil for nil.
func Error(err error) *conformancev1.Error {
	e := status.From(err)
	if e == nil {
		return nil
	}
	return &conformancev1.Error{
		Code:    conformancev1.Code(e.Code), //nolint:gosec // a code without a name fails the case, as it should
		Message: &e.Message,
		Details: e.Details,
	}
}
