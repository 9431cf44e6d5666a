package codectest

import (
	"context"
	"io"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// sampleMeta has what metadata may hold: several values of a key in order, all punctuation, and all bytes.
func sampleMeta() codec.Meta {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return codec.Meta{
		{Key: "x-sample", Value: "first"},
		{Key: "x-sample", Value: "second, with a comma"},
		{Key: "x-sample_2.z", Value: `!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`},
		{Key: "x-empty", Value: ""},
		{Key: "x-all-bin", Value: string(all)},
		{Key: "x-all-bin", Value: "\x00"},
		{Key: "x-all-bin", Value: "two"},
	}
}

func checkMeta(got codec.Meta) error {
	want := sampleMeta()
	for _, key := range []string{"x-sample", "x-sample_2.z", "x-empty", "x-all-bin"} {
		if !slices.Equal(got.Values(key), want.Values(key)) {
			return status.Errorf(status.DataLoss, "metadata %s: got %q, want %q", key, got.Values(key), want.Values(key))
		}
	}
	for _, field := range got {
		if codec.Reserved(field.Key) {
			return status.Errorf(status.DataLoss, "metadata holds the reserved key %q", field.Key)
		}
	}
	return nil
}

// reflectMeta checks the metadata of the request and answers with the same as header and trailer.
func reflectMeta(call *codec.Call, r codec.Responder) error {
	if err := checkMeta(call.Header); err != nil {
		return err
	}
	header, err := r.Header()
	if err == nil {
		err = checkMeta(header)
	}
	if err != nil {
		return err
	}
	sample := sampleMeta()
	if err := r.SetHeader(sample[:2]); err != nil { // in two parts, which add up
		return err
	}
	if err := r.SetHeader(sample[2:]); err != nil {
		return err
	}
	return r.SetTrailer(sample)
}

func formatMeta(t *testing.T, f Format) {
	conn := setup{methods: methods{
		unaryMethod: func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
			if err := reflectMeta(call, r); err != nil {
				return nil, err
			}
			return echoOne(ctx, call, r)
		},
		bidiMethod: func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
			if err := reflectMeta(call, r); err != nil {
				return nil, err
			}
			if _, err := echoAll(ctx, call, r); err != nil {
				return nil, err
			}
			if err := r.SetHeader(codec.Meta{{Key: "x-late", Value: "late"}}); err == nil {
				return nil, status.Errorf(status.Internal, "SetHeader after Send: got no error")
			}
			return nil, nil
		},
	}}.conn(t, f)

	call := newCall(unaryMethod, codec.Unary)
	call.Header = sampleMeta()
	checkResult(t, "unary", invoke(t.Context(), conn, call, "text"))

	call = newCall(bidiMethod, codec.BidiStream)
	call.Header = sampleMeta()
	checkResult(t, "bidi stream", invoke(t.Context(), conn, call, "text"))
}

func checkResult(t *testing.T, what string, r result) {
	t.Helper()
	if r.err != nil || r.text != "text" {
		t.Errorf("%s: got %q, %v, want %q", what, r.text, r.err, "text")
	}
	if err := checkMeta(r.header); err != nil {
		t.Errorf("%s: header: %v", what, err)
	}
	if err := checkMeta(r.trailer); err != nil {
		t.Errorf("%s: trailer: %v", what, err)
	}
}

func formatMetaWithErrors(t *testing.T, f Format) {
	fail := func(_ context.Context, call *codec.Call, r codec.Responder) (any, error) {
		if err := reflectMeta(call, r); err != nil {
			return nil, err
		}
		return nil, status.Errorf(status.Aborted, "aborted")
	}
	conn := setup{methods: methods{unaryMethod: fail, serverMethod: fail}}.conn(t, f)
	for method, kind := range map[string]codec.Kind{unaryMethod: codec.Unary, serverMethod: codec.ServerStream} {
		call := newCall(method, kind)
		call.Header = sampleMeta()
		r := invoke(t.Context(), conn, call, "")
		wantCode(t, kind.String(), r.err, status.Aborted)
		if err := checkMeta(r.header); err != nil {
			t.Errorf("%v: header: %v", kind, err)
		}
		if err := checkMeta(r.trailer); err != nil {
			t.Errorf("%v: trailer: %v", kind, err)
		}
	}
}

func formatHeaderFirst(t *testing.T, f Format) {
	more := make(chan struct{})
	conn := setup{methods: methods{
		serverMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			if err := r.Recv(nil); err != nil {
				return nil, err
			}
			if err := r.SetHeader(codec.Meta{{Key: "x-early", Value: "yes"}}); err != nil {
				return nil, err
			}
			if err := r.Send(wrapperspb.String("one")); err != nil {
				return nil, err
			}
			<-more
			return wrapperspb.String("two"), r.SetTrailer(codec.Meta{{Key: "x-end", Value: "yes"}})
		},
	}}.conn(t, f)
	s := open(t, conn, serverMethod, codec.ServerStream)
	if err := s.Finish(wrapperspb.String(""), nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	header, err := s.Header()
	if err != nil || header.Get("x-early") != "yes" {
		t.Errorf("header before Recv: got %q, %v, want x-early", header, err)
	}
	got := recvText(t, s)
	close(more)
	if got += recvText(t, s); got != "onetwo" {
		t.Errorf("messages: got %q, want %q", got, "onetwo")
	}
	if err := s.Recv(nil); err != io.EOF {
		t.Errorf("end: got %v, want io.EOF", err)
	}
	if got := s.Trailer().Get("x-end"); got != "yes" {
		t.Errorf("trailer: got %q, want %q", got, "yes")
	}
}
