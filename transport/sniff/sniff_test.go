package sniff_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
	"github.com/protomicro/micro/transport/sniff"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

const (
	hello   = "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	magic   = "\x89PRPC\r\n"
)

type matcher = func([]byte) transport.Match

// binary matches magic.
func binary(prefix []byte) transport.Match {
	n := min(len(prefix), len(magic))
	switch {
	case string(prefix[:n]) != magic[:n]:
		return transport.No
	case n < len(magic):
		return transport.More
	}
	return transport.Yes
}

// matchers are those of a server, in an order that must not matter; their indices are the constants below.
func matchers() []matcher { return []matcher{binary, sniff.TLS, sniff.HTTP2, sniff.HTTP1} }

const (
	isBinary = iota
	isTLS
	isHTTP2
	isHTTP1
)

const isNone = -1

// A readConn reads from a reader and has nothing else of a connection but its deadline.
type readConn struct {
	net.Conn
	io.Reader
	deadline time.Time
}

func (c *readConn) Read(p []byte) (int, error)        { return c.Reader.Read(p) }
func (c *readConn) SetReadDeadline(t time.Time) error { c.deadline = t; return nil }

func TestConn(t *testing.T) {
	for _, test := range []struct {
		bytes string
		want  int
		err   string
	}{
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", isHTTP1, ""},
		{"OPTIONS * HTTP/1.1\r\n", isHTTP1, ""},
		{"PRINT /x HTTP/1.1\r\n", isHTTP1, ""},
		{"GET ", isHTTP1, ""},
		{strings.Repeat("M", 20) + " /", isHTTP1, ""},
		{strings.Repeat("M", 21) + " /", isNone, `no protocol here starts with "MMMMMMMMMMMMMMMM`},
		{"GO /", isNone, `no protocol here starts with "GO `},
		{"get / HTTP/1.1\r\n", isNone, `no protocol here starts with "get / HTTP/1.1\r\n"`},
		{preface, isHTTP2, ""},
		{"PRI ", isHTTP2, ""},
		{hello, isTLS, ""},
		{"\x16\x03\x01\x00\xa5\x02", isNone, `no protocol here starts with "\x16\x03\x01\x00\xa5\x02"`},
		{"\x16\x02", isNone, `no protocol here starts with "\x16\x02"`},
		{magic, isBinary, ""},
		{magic + "and more", isBinary, ""},
		{"SSH-2.0-OpenSSH_9.6\r\n", isNone, `no protocol here starts with "SSH-2.0-OpenSSH_"`},
		{"\x00", isNone, `no protocol here starts with "\x00"`},
		{"", isNone, `the connection ended after "": EOF`},
		{"PR", isNone, `the connection ended after "PR": unexpected EOF`},
		{"\x16\x03\x01", isNone, `the connection ended after "\x16\x03\x01": unexpected EOF`},
	} {
		for name, r := range map[string]io.Reader{
			"at once":           strings.NewReader(test.bytes),
			"byte by byte":      iotest.OneByteReader(strings.NewReader(test.bytes)),
			"with the last EOF": iotest.DataErrReader(strings.NewReader(test.bytes)),
		} {
			nc, got, err := sniff.Conn(&readConn{Reader: r}, 0, matchers()...)
			wantErr := test.err
			if name == "byte by byte" { // no more is read, and quoted, than what tells
				wantErr, _, _ = strings.Cut(test.err, " with")
			}
			if got != test.want || (err == nil) != (test.err == "") || (err != nil && !strings.Contains(err.Error(), wantErr)) {
				t.Errorf("%q %s: %d, %v; want %d, %q", test.bytes, name, got, err, test.want, wantErr)
			}
			if rest, err := io.ReadAll(nc); err != nil || string(rest) != test.bytes {
				t.Errorf("%q %s: the connection yields %q, %v", test.bytes, name, rest, err)
			}
		}
	}
}

func TestConn_EndErrors(t *testing.T) {
	for text, want := range map[string]error{"": io.EOF, "GE": io.ErrUnexpectedEOF} {
		_, _, err := sniff.Conn(&readConn{Reader: strings.NewReader(text)}, 0, matchers()...)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	broken := errors.New("broken")
	_, index, err := sniff.Conn(&readConn{Reader: iotest.ErrReader(broken)}, 0, matchers()...)
	if index != -1 || !errors.Is(err, broken) {
		t.Errorf("%d, %v, want -1 and the connection's error", index, err)
	}
}

func TestConn_WaitsWhileAnEarlierMatcherIsUndecided(t *testing.T) {
	after := func(n int, then transport.Match) matcher {
		return func(prefix []byte) transport.Match {
			if len(prefix) < n {
				return transport.More
			}
			return then
		}
	}
	for _, test := range []struct {
		matchers []matcher
		want     int
	}{
		{[]matcher{after(10, transport.Yes), after(1, transport.Yes)}, 0},
		{[]matcher{after(10, transport.No), after(1, transport.Yes)}, 1},
		{[]matcher{after(1, transport.No), after(2, transport.Yes), after(2, transport.Yes)}, 1},
		{[]matcher{after(64, transport.Yes)}, 0},
		{[]matcher{after(65, transport.Yes)}, -1},
		{nil, -1},
	} {
		text := strings.Repeat("x", 100)
		nc, got, err := sniff.Conn(&readConn{Reader: strings.NewReader(text)}, 0, test.matchers...)
		if got != test.want || (err != nil) != (test.want < 0) {
			t.Errorf("%d matchers: %d, %v, want %d", len(test.matchers), got, err, test.want)
		}
		if rest, err := io.ReadAll(nc); err != nil || string(rest) != text {
			t.Errorf("the connection yields %q, %v", rest, err)
		}
	}
}

func TestConn_SilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memtransport.Pipe()
		if _, err := client.Write([]byte("GE")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, index, err := sniff.Conn(server, 5*time.Second, matchers()...)
		if index != -1 || !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "within 5s") {
			t.Errorf("%d, %v, want -1 and a deadline error", index, err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it takes %v, want 5s", took)
		}
	})
}

// TestConn_SlowPeer sends a byte each second: the timeout is one for all of them.
func TestConn_SlowPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memtransport.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 20 {
				time.Sleep(time.Second)
				if _, err := client.Write([]byte("M")); err != nil {
					return
				}
			}
		}()
		start := time.Now()
		if _, _, err := sniff.Conn(server, 5500*time.Millisecond, matchers()...); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want a deadline error", err)
		}
		if took := time.Since(start); took != 5500*time.Millisecond {
			t.Errorf("it takes %v, want 5.5s", took)
		}
		_ = server.Close()
		<-done
	})
}

func TestConn_ClearsTheDeadline(t *testing.T) {
	for _, text := range []string{"GET / ", "garbage"} {
		nc := &readConn{Reader: strings.NewReader(text), deadline: time.Unix(1, 0)}
		_, _, _ = sniff.Conn(nc, time.Minute, matchers()...)
		if !nc.deadline.IsZero() {
			t.Errorf("%q: the deadline is %v, want none", text, nc.deadline)
		}
	}
	nc := &readConn{Reader: strings.NewReader("GET / "), deadline: time.Unix(1, 0)}
	_, _, _ = sniff.Conn(nc, 0, matchers()...)
	if !nc.deadline.Equal(time.Unix(1, 0)) {
		t.Errorf("without a timeout the deadline is changed to %v", nc.deadline)
	}
}

// TestConn_IsTheConnection writes, closes and goes on reading through what Conn returns.
func TestConn_IsTheConnection(t *testing.T) {
	client, server := memtransport.Pipe()
	defer func() { _ = client.Close() }()
	if _, err := client.Write([]byte("GET / and so on")); err != nil {
		t.Fatal(err)
	}
	nc, index, err := sniff.Conn(server, time.Minute, matchers()...)
	if index != isHTTP1 || err != nil {
		t.Fatalf("%d, %v", index, err)
	}
	got := make([]byte, len("GET / and so on"))
	if _, err := io.ReadFull(iotest.OneByteReader(nc), got); err != nil || string(got) != "GET / and so on" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := nc.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	bufs := net.Buffers{[]byte("in "), []byte("parts")}
	writer, ok := nc.(interface {
		WriteBuffers(bufs *net.Buffers) (int64, error)
	})
	if !ok {
		t.Fatal("the connection has no WriteBuffers")
	}
	if n, err := writer.WriteBuffers(&bufs); n != 8 || err != nil {
		t.Errorf("WriteBuffers = %d, %v", n, err)
	}
	_ = nc.Close()
	if all, err := io.ReadAll(client); err != nil || string(all) != "answerin parts" {
		t.Errorf("the peer reads %q, %v", all, err)
	}
}

// FuzzConn compares what is found in bytes that come at once with what is found in the same bytes in chunks.
func FuzzConn(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		whole, want, wantErr := sniff.Conn(&readConn{Reader: bytes.NewReader(data)}, time.Second, matchers()...)
		chunked, got, err := sniff.Conn(&readConn{Reader: &chunkReader{data, sizes, 0}}, time.Second, matchers()...)
		if got != want || (err == nil) != (wantErr == nil) || (err == nil) != (got >= 0) {
			t.Fatalf("%q in chunks %v: %d, %v; at once %d, %v", data, sizes, got, err, want, wantErr)
		}
		for _, nc := range []net.Conn{whole, chunked} {
			all, err := io.ReadAll(nc)
			if err != nil || !bytes.Equal(all, data) {
				t.Fatalf("%q: the connection yields %q, %v", data, all, err)
			}
		}
		if want == isHTTP2 && !bytes.HasPrefix(data, []byte(preface[:4])) || want == isBinary && !bytes.HasPrefix(data, []byte(magic)) {
			t.Fatalf("%q is taken for protocol %d", data, want)
		}
	})
}

// A chunkReader yields data in chunks of the given sizes, over and over; with the last one comes io.EOF if its size is odd.
type chunkReader struct {
	data, sizes []byte
	reads       int
}

func (r *chunkReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	size := 1
	if len(r.sizes) > 0 {
		size = 1 + int(r.sizes[r.reads%len(r.sizes)])
	}
	r.reads++
	n := copy(p[:min(size, len(p))], r.data)
	r.data = r.data[n:]
	if len(r.data) == 0 && size%2 == 1 {
		return n, io.EOF
	}
	return n, nil
}
