package codectest

import (
	"context"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/status"
)

const messageLimit = 64 << 10

// sized returns a message whose encoding is n bytes long, for n above 16 KiB and up to 2 MiB: a tag, a length of
// three bytes, and as many bytes as that leaves, which do not compress.
func sized(n int) *wrapperspb.BytesValue {
	b := make([]byte, n-4)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // cannot fail
	return wrapperspb.Bytes(b)
}

// sized returns a message whose encoding in the format is n bytes long.
func (f Format) sized(t *testing.T, n int) *wrapperspb.StringValue {
	t.Helper()
	c := f.codec(protocodec.Codec{})
	text := base64.RawStdEncoding.EncodeToString(sized(n).GetValue())
	for length := n; ; {
		msg := wrapperspb.String(text[:length])
		b, err := c.MarshalAppend(nil, msg)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == n {
			return msg
		}
		length -= len(b) - n
	}
}

// bystander starts a call that has to survive what the case does, and returns how to end it.
func bystander(t *testing.T, conn codec.Conn) (end func()) {
	t.Helper()
	s := open(t, conn, bidiMethod, codec.BidiStream)
	sendText(t, s, "before")
	return func() {
		t.Helper()
		sendText(t, s, "after")
		finish(t, s)
		if got := recvText(t, s) + recvText(t, s); got != "beforeafter" {
			t.Errorf("the other call: got %q, want %q", got, "beforeafter")
		}
		wantEOF(t, s)
	}
}

func formatRequestLimit(t *testing.T, f Format) {
	take := func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
		n := int64(0)
		for msg := (&wrapperspb.StringValue{}); ; n += int64(len(msg.GetValue())) {
			if err := r.Recv(msg); err == io.EOF {
				return wrapperspb.Int64(n), nil
			} else if err != nil {
				return nil, err
			}
		}
	}
	conn := setup{
		methods: methods{unaryMethod: take, clientMethod: take, bidiMethod: echoAll},
		server:  codec.Limits{MessageBytes: messageLimit},
	}.conn(t, f)
	endBystander := bystander(t, conn)
	for method, kind := range map[string]codec.Kind{unaryMethod: codec.Unary, clientMethod: codec.ClientStream} {
		for _, row := range []struct {
			size int
			want status.Code
		}{{messageLimit, status.OK}, {messageLimit + 1, status.ResourceExhausted}, {1 << 20, status.ResourceExhausted}, {messageLimit, status.OK}} {
			s := open(t, conn, method, kind)
			msg := f.sized(t, row.size)
			if err := s.Finish(msg, nil); err != nil && err != io.EOF && status.CodeOf(err) != row.want {
				t.Errorf("%v: Finish with %d bytes: %v", kind, row.size, err)
			}
			n := &wrapperspb.Int64Value{}
			err := s.Recv(n)
			if status.CodeOf(err) != row.want {
				t.Errorf("%v: a request of %d bytes: got %v, want %v", kind, row.size, err, row.want)
			}
			if err == nil && n.GetValue() != int64(len(msg.GetValue())) {
				t.Errorf("%v: a request of %d bytes: got %d bytes of content, want %d", kind, row.size, n.GetValue(), len(msg.GetValue()))
			}
			_ = s.Close()
		}
	}
	endBystander()
}

func formatResponseLimit(t *testing.T, f Format) {
	var next atomic.Pointer[wrapperspb.StringValue]
	give := func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
		return next.Load(), r.Recv(nil)
	}
	conn := setup{
		methods: methods{unaryMethod: give, serverMethod: give, bidiMethod: echoAll},
		client:  codec.Limits{MessageBytes: messageLimit},
	}.conn(t, f)
	endBystander := bystander(t, conn)
	for method, kind := range map[string]codec.Kind{unaryMethod: codec.Unary, serverMethod: codec.ServerStream} {
		for _, row := range []struct {
			size int
			want status.Code
		}{{messageLimit, status.OK}, {messageLimit + 1, status.ResourceExhausted}, {1 << 20, status.ResourceExhausted}, {messageLimit, status.OK}} {
			want := f.sized(t, row.size)
			next.Store(want)
			s := open(t, conn, method, kind)
			if err := s.Finish(wrapperspb.String(""), nil); err != nil {
				t.Errorf("%v: Finish: %v", kind, err)
			}
			msg := &wrapperspb.StringValue{}
			err := s.Recv(msg)
			if status.CodeOf(err) != row.want {
				t.Errorf("%v: a response of %d bytes: got %v, want %v", kind, row.size, err, row.want)
			}
			if err == nil && msg.GetValue() != want.GetValue() {
				t.Errorf("%v: a response of %d bytes: got %d bytes of content, want %d", kind, row.size, len(msg.GetValue()), len(want.GetValue()))
			}
			_ = s.Close()
		}
	}
	endBystander()
}

const (
	slowMessages = 256
	slowBytes    = 256 << 10
)

// settle waits until n has not changed for a while, and returns it.
func settle(t *testing.T, n *atomic.Int64) int64 {
	t.Helper()
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(patience)
	for last := int64(-1); time.Now().Before(deadline); {
		<-ticker.C
		if now := n.Load(); now == last && now > 0 {
			return now
		}
		last = n.Load()
	}
	t.Fatalf("the sender is not blocked after %v; %d messages are on their way", patience, n.Load())
	return 0
}

func formatSlowReceiver(t *testing.T, f Format) {
	var sent atomic.Int64
	conn := setup{methods: methods{
		serverMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			for range slowMessages {
				if err := r.Send(sized(slowBytes)); err != nil {
					return nil, err
				}
				sent.Add(1)
			}
			return nil, nil
		},
		unaryMethod: echoOne,
	}}.conn(t, f)
	s := open(t, conn, serverMethod, codec.ServerStream)
	if err := s.Finish(wrapperspb.String(""), nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	if n := settle(t, &sent); n > slowMessages/2 {
		t.Errorf("%d of %d messages of %d bytes were sent to a receiver that reads none", n, slowMessages, slowBytes)
	}
	if r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "text"); r.text != "text" || r.err != nil {
		t.Errorf("a call beside the slow one: got %q, %v, want %q", r.text, r.err, "text")
	}
	for n := range slowMessages {
		msg := &wrapperspb.BytesValue{}
		if err := s.Recv(msg); err != nil || len(msg.GetValue()) != slowBytes-4 {
			t.Fatalf("message %d: got %d bytes, %v, want %d", n, len(msg.GetValue()), err, slowBytes-4)
		}
	}
	wantEOF(t, s)
}

func formatSlowHandler(t *testing.T, f Format) {
	read := make(chan struct{})
	conn := setup{methods: methods{
		clientMethod: func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
			select {
			case <-read:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return countAll(ctx, call, r)
		},
	}}.conn(t, f)
	s := open(t, conn, clientMethod, codec.ClientStream)
	var sent atomic.Int64
	finished := make(chan error, 1)
	go func() {
		for range slowMessages {
			if err := s.Send(sized(slowBytes)); err != nil {
				finished <- err
				return
			}
			sent.Add(1)
		}
		finished <- s.Finish(nil, nil)
	}()
	if n := settle(t, &sent); n > slowMessages/2 {
		t.Errorf("%d of %d messages of %d bytes were sent to a handler that reads none", n, slowMessages, slowBytes)
	}
	close(read)
	if err := await(t, "the sender", finished); err != nil {
		t.Errorf("Send: %v", err)
	}
	n := &wrapperspb.Int64Value{}
	if err := s.Recv(n); err != nil || n.GetValue() != slowMessages {
		t.Errorf("messages received: got %d, %v, want %d", n.GetValue(), err, slowMessages)
	}
}
