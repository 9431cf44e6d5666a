package runtime

import (
	"context"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// Meta is metadata: lower-case keys with values, in order; see [codec.Meta].
type Meta = codec.Meta

// A ResponseMeta receives what came with the response of a unary call.
type ResponseMeta struct {
	Header  Meta
	Trailer Meta
}

type (
	outgoingKey     struct{}
	responseMetaKey struct{}
	servingKey      struct{}
)

// WithMeta returns a context whose calls carry the given value of key as request metadata, besides what ctx has already.
// Metadata that a server has received is not sent on by itself.
func WithMeta(ctx context.Context, key, value string) context.Context {
	return context.WithValue(ctx, outgoingKey{}, outgoing(ctx).With(key, value))
}

func outgoing(ctx context.Context) Meta {
	meta, _ := ctx.Value(outgoingKey{}).(Meta)
	return meta
}

// WithResponseMeta returns a context whose unary calls store in meta what came with the response, even if they fail. It
// is for one call at a time.
func WithResponseMeta(ctx context.Context, meta *ResponseMeta) context.Context {
	return context.WithValue(ctx, responseMetaKey{}, meta)
}

// serving is the context of a handler.
type serving struct {
	context.Context
	call *codec.Call
	r    codec.Responder
}

func (s *serving) Value(key any) any {
	if key == (servingKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// AfterFunc lets contexts derived from this one do without a goroutine, as that of the call does.
func (s *serving) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(s.Context, f) }

// Head returns, in a handler, what is known of the call beside its messages: its method, format, codec, peer, and more.
// It is nil if ctx is not a handler's, and must not be changed.
func Head(ctx context.Context) *codec.Call {
	if s, ok := ctx.Value(servingKey{}).(*serving); ok {
		return s.call
	}
	return nil
}

// RequestMeta returns, in a handler, the metadata of the request. It must not be changed.
func RequestMeta(ctx context.Context) Meta {
	if call := Head(ctx); call != nil {
		return call.Header
	}
	return nil
}

// SetHeader adds, in a handler, to the response metadata, which goes out before the first message. It is an error if
// that is on its way, or if ctx is not a handler's.
func SetHeader(ctx context.Context, key, value string) error {
	return set(ctx, key, value, codec.Responder.SetHeader)
}

// SetTrailer adds, in a handler, to the metadata that goes out with the outcome of the call. It is an error if ctx is not
// a handler's.
func SetTrailer(ctx context.Context, key, value string) error {
	return set(ctx, key, value, codec.Responder.SetTrailer)
}

func set(ctx context.Context, key, value string, add func(codec.Responder, Meta) error) error {
	s, ok := ctx.Value(servingKey{}).(*serving)
	if !ok {
		return status.Errorf(status.Internal, "metadata %q: the context is not that of a handler", key)
	}
	meta := Meta(nil).With(key, value)
	if err := meta.Check(); err != nil {
		return err
	}
	return add(s.r, meta)
}
