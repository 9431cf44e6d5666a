package protorpc_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport/memtransport"
)

type handler func(ctx context.Context, r codec.Responder)

func (h handler) ServeCall(ctx context.Context, _ *codec.Call, r codec.Responder) { h(ctx, r) }

// pair returns a connection to a server with the given handler, which ends with the test.
func pair(t *testing.T, h codec.Handler, lim codec.Limits) codec.Conn {
	t.Helper()
	near, far := memtransport.Pipe()
	served := make(chan error, 1)
	go func() { served <- protorpc.Format{}.Serve(context.Background(), far, h, config(lim)) }()
	conn, err := protorpc.Format{}.Dial(t.Context(), near, codec.Config{Limits: lim})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return conn
}

func TestCall_SendEndsWhenTheServerHasEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough := make(chan struct{})
		conn := pair(t, handler(func(_ context.Context, r codec.Responder) {
			<-enough // by then the client waits for credit
			_ = r.Finish(wrapperspb.String("done"), nil)
		}), codec.Limits{})
		s := open(t, conn, codec.ClientStream)
		sent := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				err = s.Send(wrapperspb.String(strings.Repeat("x", 10000)))
			}
			sent <- err
		}()
		synctest.Wait()
		close(enough)
		if err := <-sent; err != io.EOF {
			t.Errorf("Send: got %v, want io.EOF", err)
		}
		res := new(wrapperspb.StringValue)
		if err := s.Recv(res); err != nil || res.GetValue() != "done" {
			t.Errorf("Recv: %q, %v", res.GetValue(), err)
		}
		_ = conn.Close()
	})
}

func TestCall_ThatWasNeverSentSaysSo(t *testing.T) {
	conn, p := play(t, codec.Limits{}, hello(t))
	s := open(t, conn, codec.Unary)
	_ = p.nc.Close()
	<-conn.Done()
	if err := s.Finish(wrapperspb.String("x"), nil); !errors.Is(err, codec.ErrNotSent) || status.CodeOf(err) != status.Unavailable {
		t.Errorf("Finish: got %v, want Unavailable and ErrNotSent", err)
	}
}

func TestServer_TakesAsManyCallsAsItSays(t *testing.T) {
	conn := pair(t, echo{}, codec.Limits{Calls: 4})
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 200 {
				s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: protocodec.Codec{}})
				if err != nil {
					t.Error(err)
					return
				}
				_ = s.Finish(wrapperspb.String("x"), nil)
				if err := s.Recv(new(wrapperspb.StringValue)); err != nil {
					t.Errorf("one of never more than four calls: %v", err)
				}
				_ = s.Close()
			}
		})
	}
	wg.Wait()
}

func TestServer_SendsErrorsThatOthersCanRead(t *testing.T) {
	frames, err := talk(t, codec.Limits{}, handler(func(_ context.Context, r codec.Responder) {
		_ = r.Finish(nil, errors.New("bad \xff"))
	}), hello(t)+frame(call, head|msg|end, 7, headBlock(t, "a.B/C", codec.Unary)+message("hi")), count(2))
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(blocks(t).ByName("Tail"))
	if err := proto.Unmarshal([]byte(frames[0].payload[4:]), m); err != nil {
		t.Errorf("the outcome is no protobuf message: %v", err)
	}
}

func TestServer_GivesUpAPeerThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memtransport.Pipe()
		ended := make(chan struct{})
		lim := codec.Limits{WriteTimeout: time.Second, PingInterval: time.Hour}
		go func() {
			defer close(ended)
			_ = protorpc.Format{}.Serve(context.Background(), far, handler(func(_ context.Context, r codec.Responder) {
				for r.Send(wrapperspb.String(strings.Repeat("x", 10000))) == nil {
				}
				_ = r.Finish(nil, nil)
			}), config(lim))
		}()
		start := time.Now()
		if _, err := io.WriteString(near, hello(t)+frame(call, head|end, 1, headBlock(t, "a.B/C", codec.ServerStream))); err != nil {
			t.Fatal(err)
		}
		<-ended
		if d := time.Since(start); d < time.Second || d > 2*time.Second {
			t.Errorf("the connection ended after %v, want the write timeout of 1s", d)
		}
		_ = near.Close()
	})
}

func TestServer_GivesUpAPeerThatAsksAndDoesNotRead(t *testing.T) {
	near, far := memtransport.Pipe()
	served := make(chan error, 1)
	go func() { served <- protorpc.Format{}.Serve(context.Background(), far, echo{}, config(codec.Limits{})) }()
	if _, err := io.WriteString(near, hello(t)); err != nil {
		t.Fatal(err)
	}
	pings := strings.Repeat(frame(ping, 0, 0, "12345678"), 1000)
	sent := 0
	for {
		_ = near.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := io.WriteString(near, pings)
		if sent += n; err != nil {
			break
		}
		if sent > 8<<20 {
			t.Fatal("the server keeps 8 MiB of answers for a peer that does not read")
		}
	}
	_ = near.Close()
	if err := <-served; err == nil {
		t.Error("Serve: no error")
	}
}

func TestServer_RefusesCallsWhileItDrains(t *testing.T) {
	near, far := memtransport.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- protorpc.Format{}.Serve(ctx, far, waiting{}, config(codec.Limits{})) }()
	p := &peer{t, near}
	open := func(id uint64) string {
		return frame(call, head|msg|end, id, headBlock(t, "a.B/C", codec.Unary)+message("hi"))
	}
	p.write(hello(t) + open(1))
	p.read(len(preface))
	p.frame() // settings
	cancel()
	if f := p.frame(); f.typ != goAway {
		t.Errorf("got %v, want GOAWAY", f)
	}
	p.write(open(2))
	f := p.frame()
	if f.typ != reset || f.id != 2 {
		t.Fatalf("got %v, want RESET of the second call", f)
	}
	if code, _, unprocessed := parseTailBlock(t, f.payload); code != status.Unavailable || !unprocessed {
		t.Errorf("the second call: %v, unprocessed %v", code, unprocessed)
	}
	p.write(frame(reset, 0, 1, "\x08\x01"))
	if rest, err := io.ReadAll(near); err != nil || len(rest) > 0 {
		t.Errorf("after the last call: %q, %v; want the end", rest, err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	_ = near.Close()
}

func TestCall_IsCreditedNoMoreThanItSent(t *testing.T) {
	near, far := memtransport.Pipe()
	served := make(chan error, 1)
	lim := codec.Limits{WindowBytes: 16384, MessageBytes: 1 << 20}
	go func() { served <- protorpc.Format{}.Serve(context.Background(), far, echo{}, config(lim)) }()
	p := &peer{t, near}
	p.write(hello(t) + frame(call, head, 1, headBlock(t, "a.B/C", codec.BidiStream)))
	p.read(len(preface))
	p.frame() // settings
	credit, cost := 16384, 4000+256
	body := message(strings.Repeat("x", 99*4000-4)) // one message in 99 parts
	for i := 0; i < len(body); i += 4000 {
		for credit < cost {
			f := p.frame()
			if f.typ != window {
				t.Fatalf("got %v, want WINDOW", f)
			}
			credit += int(f.payload[0])<<24 | int(f.payload[1])<<16 | int(f.payload[2])<<8 | int(f.payload[3])
		}
		if credit > 16384 {
			t.Fatalf("after %d bytes the credit is %d", i, credit)
		}
		flags := byte(msg | more)
		if i+4000 >= len(body) {
			flags = msg
		}
		p.write(frame(call, flags, 1, body[i:min(i+4000, len(body))]))
		credit -= cost
	}
	_ = near.Close()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
