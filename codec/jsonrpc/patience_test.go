package jsonrpc_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport/memtransport"
)

// bubble starts a server in a bubble of its own time, and returns the peer's end and what Serve returns.
func bubble(t *testing.T) (net.Conn, <-chan error) {
	t.Helper()
	near, far := memtransport.Pipe()
	served := make(chan error, 1)
	go func() { served <- jsonrpc.Format{}.Serve(context.Background(), far, examples(), codec.Config{}) }()
	return near, served
}

func TestServer_EndsWhenAnObjectDoesNotGoOn(t *testing.T) {
	for _, begun := range []string{`{"jsonrpc":`, "Content-Length: 10\r\n", "Content-Length: 10\r\n\r\n{"} {
		synctest.Test(t, func(t *testing.T) {
			nc, served := bubble(t)
			start := time.Now()
			synctest.Wait()
			time.Sleep(time.Hour) // silence between objects is fine
			_, _ = io.WriteString(nc, begun)
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			if d := time.Since(start); d != time.Hour+30*time.Second {
				t.Errorf("%q: Serve returns after %v", begun, d)
			}
			_ = nc.Close()
		})
	}
}

func TestServer_EndsWhenItsAnswersAreNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, served := bubble(t)
		written := make(chan int, 1)
		go func() {
			total := 0
			for flood := strings.Repeat("[]\n", 10_000); ; {
				n, err := io.WriteString(nc, flood)
				if total += n; err != nil {
					written <- total
					return
				}
				time.Sleep(time.Second)
			}
		}()
		start := time.Now()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("Serve returns after %v", d)
		}
		_ = nc.Close()
		<-written
	})
}

// A server that never answers holds nobody beyond the deadline, and calls that wait for others to end are no exception.
func TestClient_DeadlineWhileOthersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memtransport.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, far)
		}()
		conn, err := jsonrpc.Format{}.Dial(t.Context(), near, codec.Config{Limits: codec.Limits{Calls: 1}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, err := conn.Open(ctx, &codec.Call{Method: "a.B/C"})
		if err == nil {
			err = s.Finish(structpb.NewNullValue(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		short, cancelShort := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancelShort()
		if _, err := conn.Open(short, &codec.Call{Method: "a.B/C"}); status.CodeOf(err) != status.DeadlineExceeded {
			t.Errorf("a call beyond the limit: got %v", err)
		}
		if err := s.Recv(nil); status.CodeOf(err) != status.DeadlineExceeded {
			t.Errorf("the call: got %v", err)
		}
		_ = s.Close()
		if _, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C"}); err != nil {
			t.Errorf("a call afterwards: %v", err)
		}
		_ = conn.Close()
		_ = far.Close()
		<-done
	})
}

// A response that belongs to nobody tells that the server has not understood something: which call waits for it is not known.
func TestClient_ErrorForNobody(t *testing.T) {
	near, far := memtransport.Pipe()
	conn, err := jsonrpc.Format{}.Dial(t.Context(), near, codec.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C"})
	if err == nil {
		err = s.Finish(structpb.NewNullValue(), nil)
	}
	if err == nil {
		_, err = io.WriteString(far, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}`+"\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Recv(nil); status.CodeOf(err) != status.Unavailable || !strings.Contains(err.Error(), "what?") {
		t.Errorf("got %v", err)
	}
	await(t, conn.Done())
	_ = s.Close()
	_ = conn.Close()
	_ = far.Close()
}
