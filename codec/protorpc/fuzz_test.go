package protorpc_test

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/transport/memtransport"
)

// The limits are small, so that the fuzzer finds them.
var tight = codec.Limits{MessageBytes: 200, HeaderBytes: 200, Calls: 3}

// FuzzServer lets a server read anything behind a valid handshake: it must neither panic nor hang, nor leave a goroutine.
func FuzzServer(f *testing.F) {
	open := frame(call, head, 1, headBlock(f, "a.B/C", codec.BidiStream))
	f.Add([]byte(frame(call, head|msg|end, 1, headBlock(f, "a.B/C", codec.Unary)+message("hi"))))
	f.Add([]byte(open + frame(call, msg, 1, message("one")) + frame(call, msg|more, 1, "\x0a\x03t") + frame(call, msg, 1, "wo") + frame(call, end, 1, "")))
	f.Add([]byte(open + frame(window, 0, 1, "\x00\x00\x00\x01") + frame(reset, 0, 1, "\x08\x04")))
	f.Add([]byte(frame(ping, 0, 0, "12345678") + frame(goAway, 0, 0, "")))
	f.Add([]byte(open + open))
	start := hello(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = protorpc.Format{}.Serve(context.Background(), far, echo{}, config(tight))
		}()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		_, _ = io.WriteString(near, start)
		_, _ = near.Write(input)
		_ = near.Close()
		await(t, served)
	})
}

// FuzzClient lets a client with two calls read anything from a server.
func FuzzClient(f *testing.F) {
	f.Add([]byte(frame(call, msg|end, 1, message("hi")) + frame(call, head|msg, 2, section("")+message("one")) + frame(call, tail|end, 2, section("\x08\x05"))))
	f.Add([]byte(frame(reset, 0, 1, "\x08\x08\x28\x01") + frame(window, 0, 2, "\x00\x00\x00\x01") + frame(goAway, 0, 0, "\x08\x0e")))
	f.Add([]byte(frame(call, msg|more, 2, "ab") + frame(call, msg|more, 2, string(make([]byte, 300)))))
	start := hello(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, far)
		}()
		_, _ = io.WriteString(far, start)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := protorpc.Format{}.Dial(ctx, near, codec.Config{Limits: tight})
		if err != nil {
			t.Fatal(err)
		}
		var streams []codec.Stream
		for _, kind := range []codec.Kind{codec.Unary, codec.BidiStream} {
			s, err := conn.Open(ctx, &codec.Call{Method: "a.B/C", Kind: kind, Codec: protocodec.Codec{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(wrapperspb.String("hi"), nil); err != nil {
				t.Fatal(err)
			}
			streams = append(streams, s)
		}
		_, _ = far.Write(input)
		_ = far.Close()
		<-read
		await(t, conn.Done())
		_ = conn.Close()
		for _, s := range streams {
			for s.Recv(new(wrapperspb.StringValue)) == nil {
			}
			_ = s.Close()
		}
	})
}

func await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatal("hangs")
	}
}
