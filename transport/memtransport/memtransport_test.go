package memtransport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
	"github.com/protomicro/micro/transport/transporttest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestTransport(t *testing.T) {
	transporttest.Run(t, func(*testing.T) (transport.Transport, string) { return memtransport.New(), "weather" })
}

func TestTransport_NetworksAreApart(t *testing.T) {
	l, err := memtransport.New().Listen(t.Context(), "weather")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = memtransport.New().Dial(t.Context(), "weather")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial in another network = %v, want ECONNREFUSED", err)
	}
	if got, want := err.Error(), "dial mem weather: connection refused"; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
}

func TestListener_CloseResetsWhatWaits(t *testing.T) {
	tr := memtransport.New()
	l, err := tr.Listen(t.Context(), "weather")
	if err != nil {
		t.Fatal(err)
	}
	nc, err := tr.Dial(t.Context(), "weather")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read = %v, want ECONNRESET: io.EOF would be a good end", err)
	}
	if _, err := nc.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write = %v, want io.ErrClosedPipe", err)
	}
}

func TestPipe_HoldsSixtyFourKiB(t *testing.T) {
	a, b := memtransport.Pipe()
	defer func() { _ = a.Close() }()
	if err := a.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := a.Write(make([]byte, 1<<20))
	if n != 64<<10 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write = %d, %v, want 65536 bytes and a timeout", n, err)
	}
	_ = b.Close()
	if _, err := a.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write to a closed peer = %v, want io.ErrClosedPipe", err)
	}
}

// TestPipe_Bubble shows that waiting for the peer, and for a deadline, lets a bubble's clock run.
func TestPipe_Bubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memtransport.Pipe()
		start := time.Now()
		_ = a.SetReadDeadline(start.Add(time.Hour))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read = %v", err)
		}
		if got := time.Since(start); got != time.Hour {
			t.Errorf("Read ends after %v, want an hour", got)
		}

		_ = a.SetReadDeadline(time.Now().Add(time.Hour))
		_ = a.SetReadDeadline(time.Now().Add(3 * time.Hour)) // the first deadline is void
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(2 * time.Hour)
			_, _ = b.Write([]byte("x"))
		})
		if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("Read = %d, %v", n, err)
		}
		wg.Wait()

		tr := memtransport.New()
		l, err := tr.Listen(t.Context(), "weather")
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept = %v", err)
			}
		})
		synctest.Wait()
		_ = l.Close()
		wg.Wait()
	})
}

// TestPipe_ShortWritesShortReads moves bytes in sizes that do not divide the buffer's.
func TestPipe_ShortWritesShortReads(t *testing.T) {
	a, b := memtransport.Pipe()
	const total = 1 << 20
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 7001)
		for sent := 0; sent < total; {
			n := min(1+sent%len(buf), total-sent)
			for i := range buf[:n] {
				buf[i] = byte((sent + i) % 251)
			}
			if _, err := a.Write(buf[:n]); err != nil {
				t.Error(err)
				break
			}
			sent += n
		}
		_ = a.Close()
	})
	buf := make([]byte, 5003)
	read := 0
	for {
		n, err := b.Read(buf[:1+read%len(buf)])
		for i, got := range buf[:n] {
			if want := byte((read + i) % 251); got != want {
				t.Fatalf("byte %d is %d, want %d", read+i, got, want)
			}
		}
		read += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if read != total {
		t.Errorf("%d bytes, want %d", read, total)
	}
}

func BenchmarkPipe_RoundTrip(b *testing.B) {
	client, server := memtransport.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			_, _ = server.Write(buf[:n])
		}
	})
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = client.Write(buf)
		if _, err := io.ReadFull(client, buf); err != nil {
			b.Fatal(err)
		}
	}
	_ = client.Close()
	wg.Wait()
}

func BenchmarkTransport_Dial(b *testing.B) {
	tr := memtransport.New()
	l, err := tr.Listen(context.Background(), "weather")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		nc, err := tr.Dial(context.Background(), "weather")
		if err != nil {
			b.Fatal(err)
		}
		_, _ = l.Accept()
		_ = nc.Close()
	}
	_ = l.Close()
}
