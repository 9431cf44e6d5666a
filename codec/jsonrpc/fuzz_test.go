package jsonrpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/transport/memtransport"
)

// The limits are small, so that the fuzzer finds them.
func tight() codec.Config {
	return codec.Config{Limits: codec.Limits{MessageBytes: 200, HeaderBytes: 200, Calls: 3}}
}

// FuzzServer lets a server read anything: it must neither panic nor hang, nor leave a goroutine, and what it answers is
// JSON.
func FuzzServer(f *testing.F) {
	for _, row := range specification {
		f.Add([]byte(row.sent + "\n"))
	}
	f.Add([]byte("Content-Length: 41\r\nContent-Type: x\r\n\r\n" + `{"jsonrpc":"2.0","id":1,"method":"a.B/C"}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":"c","method":"a.B/Collect","stream":"client","params":[1],"meta":{"x":["a"],"y-bin":"AA"},"timeout":100}
{"jsonrpc":"2.0","method":"rpc.message","params":{"id":"c","message":2}}
{"jsonrpc":"2.0","method":"rpc.credit","params":{"id":"c","bytes":2}}
{"jsonrpc":"2.0","method":"rpc.end","params":{"id":"c","message":[3]}}
{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":"c"}}
`))
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = jsonrpc.Format{}.Serve(context.Background(), far, examples(), tight())
		}()
		read := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(near)
			read <- b
		}()
		_, _ = near.Write(input)
		_ = near.Close()
		await(t, served)
		if b := <-read; len(b) > 0 && b[0] != 'C' {
			for d := json.NewDecoder(bytes.NewReader(b)); ; {
				var v any
				if err := d.Decode(&v); err == io.EOF || err == io.ErrUnexpectedEOF {
					break
				} else if err != nil {
					t.Fatalf("the answer %q: %v", b, err)
				}
			}
		}
	})
}

// FuzzJSON holds what a server takes for JSON against encoding/json.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`1`, `-0.5e+7`, `01`, `1.`, `-`, `1e`, `"\u00e4\n\"\\"`, `"\u00g0"`, `"\x"`, "\"\x01\"", "\"\xff\"", `"a`, `{"a":{"b":[null,true,false]}, "c" : 1 }`,
		`{"a"}`, `{"a":}`, `{,}`, `[1,]`, `nul`, `nullx`, `{1:2}`, `[[[[]]]]`, ` `, `1 2`, `]`, `"\ud800"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		value = strings.ReplaceAll(value, "\n", " ")
		if strings.Count(value, "[")+strings.Count(value, "{") > 50 || len(value) > 1000 {
			t.Skip("perhaps too deep, or too large")
		}
		body := `{"jsonrpc":"2.0","id":1,"method":"no","params":[` + value + `]}`
		near, far := memtransport.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = jsonrpc.Format{}.Serve(context.Background(), far, examples(), codec.Config{})
		}()
		_, _ = io.WriteString(near, body+"\n")
		var answer struct{ Error struct{ Code int } }
		if err := json.NewDecoder(near).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		_ = near.Close()
		await(t, served)
		if want := json.Valid([]byte(body)) && utf8.ValidString(body); want != (answer.Error.Code != -32700) {
			t.Errorf("%s: error %d, and encoding/json says %t", body, answer.Error.Code, want)
		}
	})
}

// FuzzClient lets a client with two calls read anything from a server.
func FuzzClient(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":"hi"}
{"jsonrpc":"2.0","method":"rpc.message","params":{"id":2,"message":1,"meta":{"x":["1"]}}}
{"jsonrpc":"2.0","method":"rpc.credit","params":{"id":2,"bytes":100}}
{"jsonrpc":"2.0","id":2,"error":{"code":-32005,"message":"no","data":{"code":"not_found"}},"trailer":{}}
`))
	f.Add([]byte(`[{"jsonrpc":"2.0","id":2,"result":null},{"jsonrpc":"2.0","id":1,"error":7}]` + "\n"))
	f.Add([]byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}` + "\n"))
	f.Add([]byte(`{"jsonrpc":"2.0","method":"rpc.goaway"}` + "\n" + `{"jsonrpc":"2.0","id":1,"method":"x"}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, far)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := jsonrpc.Format{}.Dial(ctx, near, tight())
		if err != nil {
			t.Fatal(err)
		}
		var streams []codec.Stream
		for _, kind := range []codec.Kind{codec.Unary, codec.BidiStream} {
			s, err := conn.Open(ctx, &codec.Call{Method: "a.B/C", Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(structpb.NewStringValue("hi"), nil); err != nil {
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
			for s.Recv(new(structpb.Value)) == nil {
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
