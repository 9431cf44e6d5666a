package transporttest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
)

func closeUnblocksRead(t *testing.T, n *network) {
	client, _ := n.pair(t)
	within(t, "ending Read by Close", func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read = %v, want net.ErrClosed", err)
			}
		})
		_ = client.Close()
		wg.Wait()
	})
}

func closeUnblocksWrite(t *testing.T, n *network) {
	client, server := n.pair(t)
	within(t, "ending Write by Close", func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := fill(client)
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write = %v, want net.ErrClosed", err)
			}
		})
		if _, err := server.Read(make([]byte, 1)); err != nil { // the writer is at work
			t.Error(err)
		}
		_ = client.Close()
		wg.Wait()
	})
}

func closeUnblocksAccept(t *testing.T, n *network) {
	within(t, "ending Accept by Close", func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			if nc, err := n.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept = %v, %v, want net.ErrClosed", nc, err)
			}
		})
		_ = n.Close()
		wg.Wait()
	})
}

// peerCloses reads all that the peer has written before it closed, and then its end.
func peerCloses(t *testing.T, n *network) {
	const size = 50_000
	client, server := n.pair(t)
	if _, err := io.Copy(server, random(3, size)); err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	want, _, _ := sum(random(3, size))
	got, read, err := sum(client)
	if err != nil || got != want {
		t.Errorf("%d of %d bytes, error %v, right bytes: %v", read, size, err, got == want)
	}
	if n, err := client.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want io.EOF again", n, err)
	}
	if _, err := fill(client); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing to a closed peer = %v, want an error", err)
	}
}

// peerClosesOnWriter closes the peer of who is blocked writing.
func peerClosesOnWriter(t *testing.T, n *network) {
	client, server := n.pair(t)
	within(t, "ending Write by the peer's Close", func() {
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := fill(client); err == nil || errors.Is(err, net.ErrClosed) {
				t.Errorf("Write = %v, want the error of a broken connection", err)
			}
		})
		if _, err := server.Read(make([]byte, 1)); err != nil { // the writer is at work
			t.Error(err)
		}
		_ = server.Close()
		wg.Wait()
	})
}

func useAfterClose(t *testing.T, n *network) {
	client, _ := n.pair(t)
	_ = client.Close()
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read = %v, want net.ErrClosed", err)
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write = %v, want net.ErrClosed", err)
	}
	_ = client.Close()
	if client.LocalAddr() == nil || client.RemoteAddr() == nil {
		t.Error("a closed connection has no addresses")
	}
}

func concurrentClose(t *testing.T, n *network) {
	client, server := n.pair(t)
	within(t, "closing at once", func() {
		var wg sync.WaitGroup
		for _, nc := range []net.Conn{client, server} {
			wg.Go(func() { _, _ = fill(nc) })
		}
		if _, err := client.Read(make([]byte, 1)); err != nil { // alone, or the others might leave it nothing
			t.Error(err)
		}
		for _, nc := range []net.Conn{client, server} {
			wg.Go(func() { _, _ = io.Copy(io.Discard, nc) })
		}
		for range 4 {
			for _, c := range []io.Closer{client, server, n.Listener} {
				wg.Go(func() { _ = c.Close() })
			}
		}
		wg.Wait()
	})
}

func addrs(t *testing.T, n *network) {
	client, server := n.pair(t)
	for _, nc := range []net.Conn{client, server} {
		for _, addr := range []net.Addr{nc.LocalAddr(), nc.RemoteAddr()} {
			if addr == nil || addr.Network() == "" {
				t.Errorf("address %v of no network", addr)
			}
		}
	}
	if got := client.RemoteAddr().String(); got != n.addr {
		t.Errorf("the client's peer is %q, want %q", got, n.addr)
	}
	if n.Scheme() == "" {
		t.Error("the scheme is empty")
	}
}

func connOutlivesListener(t *testing.T, n *network) {
	client, server := n.pair(t)
	_ = n.Close()
	wantAlive(t, client, server)
}
