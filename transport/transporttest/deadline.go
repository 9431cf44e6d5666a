package transporttest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

func readDeadline(t *testing.T, n *network) {
	client, server := n.pair(t)
	start := time.Now()
	if err := client.SetReadDeadline(start.Add(moment)); err != nil {
		t.Fatal(err)
	}
	_, err := client.Read(make([]byte, 1))
	wantTimeout(t, "Read", err)
	if took := time.Since(start); took < moment || took > patience/2 {
		t.Errorf("a deadline of %v ends Read after %v", moment, took)
	}
	wantAlive(t, client, server)

	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_, err := client.Read(make([]byte, 1))
		wantTimeout(t, "Read that has begun", err)
	})
	if err := client.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Error(err)
	}
}

func deadlineInThePast(t *testing.T, n *network) {
	client, server := n.pair(t)
	if err := client.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := client.Read(make([]byte, 1))
	wantTimeout(t, "Read", err)
	if err := client.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	wantAlive(t, client, server)
	if err := client.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := client.Write([]byte("late"))
	wantTimeout(t, "Write", err)
	if got != 0 {
		t.Errorf("Write takes %d bytes after the deadline", got)
	}
}

func wantTimeout(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s = %v, want os.ErrDeadlineExceeded", what, err)
	}
	if netErr, ok := errors.AsType[net.Error](err); !ok || !netErr.Timeout() {
		t.Errorf("%s = %v, want a net.Error that is a timeout", what, err)
	}
}

// wantAlive sends a byte each way.
func wantAlive(t *testing.T, client, server net.Conn) {
	t.Helper()
	for _, nc := range []net.Conn{client, server} {
		if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		got := make([]byte, 1)
		if _, err := way[0].Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(way[1], got); err != nil || string(got) != "x" {
			t.Fatalf("got %q, error %v, want x", got, err)
		}
	}
}
