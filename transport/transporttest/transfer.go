package transporttest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

func echo(t *testing.T, n *network) {
	client, server := n.pair(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_, _ = io.Copy(server, server)
		_ = server.Close()
	})
	defer func() { _ = client.Close() }()
	for _, msg := range []string{"a", "hello", string(make([]byte, 3000))} {
		got := make([]byte, len(msg))
		if _, err := io.WriteString(client, msg); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, got); err != nil || string(got) != msg {
			t.Fatalf("got %q, error %v, want %q", got, err, msg)
		}
	}
	if got, err := client.Write(nil); got != 0 || err != nil {
		t.Errorf("Write(nil) = %d, %v", got, err)
	}
}

// random yields size bytes that depend on seed.
func random(seed byte, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size)
}

func sum(r io.Reader) ([sha256.Size]byte, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return [sha256.Size]byte(h.Sum(nil)), n, err
}

func largeBothWays(t *testing.T, n *network) {
	const size = 10 << 20
	client, server := n.pair(t)
	var wg sync.WaitGroup
	exchange := func(nc net.Conn, mine, theirs byte) {
		wg.Go(func() {
			// the struct hides shortcuts of the connection, so that Write takes odd sizes
			if _, err := io.CopyBuffer(struct{ io.Writer }{nc}, random(mine, size), make([]byte, 100_003)); err != nil {
				t.Errorf("writing: %v", err)
			}
		})
		wg.Go(func() {
			want, _, _ := sum(random(theirs, size))
			got, read, err := sum(io.LimitReader(nc, size))
			if err != nil || got != want {
				t.Errorf("%d bytes, error %v, right bytes: %v", read, err, got == want)
			}
		})
	}
	exchange(client, 1, 2)
	exchange(server, 2, 1)
	wg.Wait()
}

func manyConnections(t *testing.T, n *network) {
	const conns, size = 64, 20_000
	var wg sync.WaitGroup
	for i := range byte(conns) {
		client, server := n.pair(t)
		wg.Go(func() { _, _ = io.Copy(server, io.LimitReader(server, size)) })
		wg.Go(func() {
			if _, err := io.Copy(client, random(i, size)); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
		wg.Go(func() {
			want, _, _ := sum(random(i, size))
			got, read, err := sum(io.LimitReader(client, size))
			if err != nil || got != want {
				t.Errorf("connection %d: %d bytes, error %v, right bytes: %v", i, read, err, got == want)
			}
		})
	}
	wg.Wait()
}

// concurrentWrites shows that the bytes of one Write stay together.
func concurrentWrites(t *testing.T, n *network) {
	const writers, writes, size = 4, 20, 10_000
	client, server := n.pair(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range byte(writers) {
		wg.Go(func() {
			for range writes {
				if _, err := client.Write(bytes.Repeat([]byte{i}, size)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	got := make([]byte, size)
	for i := range writers * writes {
		if _, err := io.ReadFull(server, got); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if !bytes.Equal(got, bytes.Repeat(got[:1], size)) {
			t.Fatalf("block %d has bytes of more than one Write", i)
		}
	}
}

// fill writes to nc, whose peer does not read, until its write deadline, and returns how many bytes were taken.
func fill(nc net.Conn) (int64, error) {
	const enough = 64 << 20
	source := random(7, enough)
	chunk := make([]byte, 100_000)
	for total := int64(0); ; {
		n, err := io.ReadFull(source, chunk)
		if err != nil {
			return total, fmt.Errorf("%d bytes are taken while nobody reads", total)
		}
		n, err = nc.Write(chunk[:n])
		total += int64(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func slowReceiver(t *testing.T, n *network) {
	client, server := n.pair(t)
	if err := client.SetWriteDeadline(time.Now().Add(4 * moment)); err != nil {
		t.Fatal(err)
	}
	if total, err := fill(client); err != nil || total == 0 {
		t.Errorf("%d bytes, error %v, want a write that blocks until the deadline", total, err)
	}
	_ = server.Close()
}

func writeDeadlineLosesNothing(t *testing.T, n *network) {
	client, server := n.pair(t)
	if err := client.SetWriteDeadline(time.Now().Add(4 * moment)); err != nil {
		t.Fatal(err)
	}
	total, err := fill(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	const more = 1 << 20
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		rest := random(7, total+more)
		_, _ = io.CopyN(io.Discard, rest, total)
		if _, err := io.Copy(client, rest); err != nil {
			t.Errorf("writing after the deadline was moved: %v", err)
		}
	})
	want, _, _ := sum(random(7, total+more))
	got, read, err := sum(io.LimitReader(server, total+more))
	if err != nil || got != want {
		t.Errorf("%d of %d bytes, error %v, right bytes: %v", read, total+more, err, got == want)
	}
}
