package connectformat_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

const silence = 100 * time.Millisecond

func impatient() codec.Config {
	cfg := config(1 << 20)
	cfg.Limits.ReadTimeout = silence
	return cfg
}

func TestFormat_ServeEndsASilentRequest(t *testing.T) {
	l := serve(t, &httptransport.Server{Handler: handler(echo{}, impatient())}, nil)
	for name, row := range map[string]struct{ request, code string }{
		"unary":         {"Content-Type: application/json\r\nContent-Length: 5\r\n\r\n\"a", "deadline_exceeded"},
		"unary nothing": {"Content-Type: application/json\r\nContent-Length: 5\r\n\r\n", "deadline_exceeded"},
		"unary chunked": {"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\"a\r\n", "deadline_exceeded"},
		"stream prefix": {"Content-Type: application/connect+json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\x00\r\n", "deadline_exceeded"},
		"stream": {
			"Content-Type: application/connect+json\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n\x00\x00\x00\x00\x04x\r\n", "deadline_exceeded",
		},
		"refused": {"Content-Type: application/foo\r\nContent-Length: 5\r\n\r\n", ""},
		"invalid": {"Content-Type: application/json\r\nConnect-Protocol-Version: 2\r\nContent-Length: 5\r\n\r\n", "invalid_argument"},
	} {
		nc, err := l.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(nc, "POST /a.B/U HTTP/1.1\r\nHost: x\r\n"+row.request)
		r := bufio.NewReader(nc)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%s: got %v, want a response", name, err)
			_ = nc.Close()
			continue
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !strings.Contains(string(body), row.code) {
			t.Errorf("%s: got %d with %q, want %s", name, res.StatusCode, body, row.code)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Errorf("%s: after the response: got %v, want the end of the connection", name, err)
		}
		_ = nc.Close()
	}
}

func TestFormat_ServeEndsASilentRequestOnHTTP2(t *testing.T) {
	l := serve(t, &httptransport.Server{Handler: handler(echo{}, impatient())}, nil)
	c := &httptransport.Client{Dial: l.dial, Host: "localhost", HTTP2: true}
	defer func() { _ = c.Close() }()
	trip, err := c.Open(t.Context(), &transport.Request{
		Method: "POST", Path: "/a.B/U", Header: transport.Header{"Content-Type": {unaryJSON}}, Length: -1,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = trip.Close() }()
	_, _ = trip.Write([]byte(`"a`))
	if code, _, err := trip.Response(); code != 504 || err != nil {
		t.Errorf("got %d, %v, want 504", code, err)
	}
}

func TestFormat_ServeLetsAStreamBeSilentBetweenMessages(t *testing.T) {
	l := serve(t, &httptransport.Server{Handler: handler(echo{}, impatient())}, nil)
	conn := connectformat.Format{}.Dial(&httptransport.Client{Dial: l.dial, Host: "localhost", HTTP2: true}, config(1<<20))
	defer func() { _ = conn.Close() }()
	s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Kind: codec.BidiStream, Codec: jsoncodec.Codec{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	msg := &wrapperspb.StringValue{}
	for range 2 {
		if err := s.Send(wrapperspb.String("x")); err != nil {
			t.Fatal(err)
		}
		if err := s.Recv(msg); err != nil || msg.GetValue() != "x" {
			t.Fatalf("got %q, %v", msg.GetValue(), err)
		}
		<-time.NewTimer(3 * silence).C
	}
	if err := s.Finish(nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Recv(msg); err != io.EOF {
		t.Errorf("the end: got %v, want io.EOF", err)
	}
}

// A dripping exchange gives one byte of its body at a time.
type dripping struct {
	*exchange
	pause       time.Duration
	interrupted chan struct{}
}

func (x *dripping) Read(p []byte) (int, error) {
	select {
	case <-time.NewTimer(x.pause).C:
		return x.exchange.Read(p[:1])
	case <-x.interrupted:
		return 0, context.DeadlineExceeded
	}
}

func (x *dripping) SetReadDeadline(time.Time) error {
	close(x.interrupted)
	return nil
}

func TestFormat_ServeWaitsWhileBytesCome(t *testing.T) {
	for pause, want := range map[time.Duration]int{29 * time.Second: 200, 31 * time.Second: 504} {
		synctest.Test(t, func(t *testing.T) {
			x := &dripping{newExchange(unaryJSON, `"text"`), pause, make(chan struct{})}
			connectformat.Format{}.Serve(t.Context(), x, echo{}, config(100))
			if x.status != want {
				t.Errorf("a byte each %v: got %d with %q, want %d", pause, x.status, x.String(), want)
			}
		})
	}
}
