package jsonrpc_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

func serveHTTP(t *testing.T, h codec.Handler, lim codec.Limits) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httptransport.Serve(w, r, func(ctx context.Context, x transport.Exchange) {
			if format := (jsonrpc.HTTP{}); format.Match(x.Request()) {
				format.Serve(ctx, x, h, codec.Config{Limits: lim})
			} else {
				_ = x.Respond(http.StatusNotFound, nil)
			}
		})
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func post(t *testing.T, s *httptest.Server, method, path, typ, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", typ)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func TestHTTP_Specification(t *testing.T) {
	s := serveHTTP(t, examples(), codec.Limits{})
	for _, row := range specification {
		code, got, header := post(t, s, "POST", "/", "application/json; charset=utf-8", row.sent)
		switch {
		case row.want == "" && (code != 204 || got != ""):
			t.Errorf("%s: got status %d and %q, want 204 and nothing", row.name, code, got)
		case row.want == "":
		case code != 200 || header.Get("Content-Type") != "application/json":
			t.Errorf("%s: got status %d with type %q", row.name, code, header.Get("Content-Type"))
		default:
			checkAnswer(t, row.sent, got, row.want)
		}
	}
}

func TestHTTP_Requests(t *testing.T) {
	s := serveHTTP(t, examples(), codec.Limits{MessageBytes: 1000, HeaderBytes: 5000})
	const echo = `{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","params":[1]}`
	const js = "application/json"
	for name, row := range map[string]struct {
		method, path, typ, body, header string
		status                          int
		want                            string
	}{
		"json-rpc":      {"POST", "/", "application/json-rpc", echo, "", 200, `{"jsonrpc":"2.0","id":1,"result":1}`},
		"jsonrequest":   {"POST", "", "Application/JSONRequest", "\n " + echo + "\n", "", 200, `{"jsonrpc":"2.0","id":1,"result":1}`},
		"GET":           {"GET", "/", js, "", "", 405, ``},
		"another path":  {"POST", "/a.B/Echo", js, echo, "", 404, ``},
		"another type":  {"POST", "/", "text/plain", echo, "", 404, ``},
		"compressed":    {"POST", "/", js, echo, "Content-Encoding: gzip", 415, ``},
		"nothing":       {"POST", "/", js, "", "", 200, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}`},
		"two":           {"POST", "/", js, echo + echo, "", 200, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}`},
		"metadata":      {"POST", "/", js, `{"jsonrpc":"2.0","id":1,"method":"a.B/Head","meta":{"x-in":"b"}}`, "X-In: a", 200, `{"jsonrpc":"2.0","id":1,"meta":{"x-h":["1","2"]},"trailer":{"x-t-bin":["AA=="]},"result":"a+b false"}`},
		"bad metadata":  {"POST", "/", js, echo, "X-Bin: %", 200, `{"jsonrpc":"2.0","id":null,"error":{"code":-32602}}`},
		"too large":     {"POST", "/", js, `{"jsonrpc":"2.0","id":"a","method":"a.B/Echo","params":["` + strings.Repeat("x", 1001) + `"]}`, "", 200, `{"jsonrpc":"2.0","id":"a","error":{"code":-32008}}`},
		"far too large": {"POST", "/", js, `{"jsonrpc":"2.0","id":"a","method":"a.B/Echo","params":["` + strings.Repeat("x", 100_000) + `"]}`, "", 200, `{"jsonrpc":"2.0","id":"a","error":{"code":-32008}}`},
		"client stream": {"POST", "/", js, `{"jsonrpc":"2.0","id":1,"method":"a.B/Collect","stream":"client"}`, "", 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601}}`},
		"a deadline":    {"POST", "/", js, `{"jsonrpc":"2.0","id":1,"method":"a.B/Wait","timeout":1}`, "", 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32004}}`},
		"a cancel":      {"POST", "/", js, `{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}`, "", 204, ``},
	} {
		t.Run(name, func(t *testing.T) {
			key, value, _ := strings.Cut(row.header, ": ")
			var header []string
			if key != "" {
				header = []string{key, value}
			}
			code, got, _ := post(t, s, row.method, row.path, row.typ, row.body, header...)
			if code != row.status || (got == "") != (row.want == "") {
				t.Fatalf("got status %d and %q, want %d and %s", code, got, row.status, row.want)
			}
			if got != "" {
				checkAnswer(t, row.body, got, row.want)
			}
		})
	}
}

func TestHTTP_BatchWaitsForItsTurn(t *testing.T) {
	s := serveHTTP(t, examples(), codec.Limits{Calls: 3})
	var sent, want []string
	for i := range 100 {
		sent = append(sent, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"a.B/Echo","params":[%d]}`, i, i))
		want = append(want, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%d}`, i, i))
	}
	body := "[" + strings.Join(sent, ",") + "]"
	_, got, _ := post(t, s, "POST", "/", "application/json", body)
	checkAnswer(t, body, got, "["+strings.Join(want, ",")+"]")
}

func TestHTTP_ServerStream(t *testing.T) {
	s := serveHTTP(t, examples(), codec.Limits{})
	_, got, header := post(t, s, "POST", "/", "application/json", `{"jsonrpc":"2.0","id":1,"method":"a.B/Count","stream":"server"}`)
	const want = `{"jsonrpc":"2.0","method":"rpc.message","params":{"id":1,"message":0}}
{"jsonrpc":"2.0","method":"rpc.message","params":{"id":1,"message":1}}
{"jsonrpc":"2.0","method":"rpc.message","params":{"id":1,"message":2}}
{"jsonrpc":"2.0","id":1,"result":null}
`
	if got != want || header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("got %s of type %q, want\n%s", got, header.Get("Content-Type"), want)
	}
}

// clients are clients of s over HTTP/1.1 and HTTP/2.
func clients(t *testing.T, s *httptest.Server, format jsonrpc.HTTP, lim codec.Limits) map[string]codec.Conn {
	t.Helper()
	conns := map[string]codec.Conn{}
	tlsConfig := s.Client().Transport.(*http.Transport).TLSClientConfig
	for name, two := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		conn := format.Dial(&httptransport.Client{
			Dial: func(ctx context.Context) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
			},
			Host: "example.com", TLS: tlsConfig, HTTP2: two,
		}, codec.Config{Limits: lim})
		t.Cleanup(func() { _ = conn.Close() })
		conns[name] = conn
	}
	return conns
}

func call(t *testing.T, conn codec.Conn, c codec.Call, in *structpb.Value) (codec.Stream, error) {
	t.Helper()
	s, err := conn.Open(t.Context(), &c)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, s.Finish(in, nil)
}

func TestHTTPClient(t *testing.T) {
	s := serveHTTP(t, examples(), codec.Limits{})
	for name, conn := range clients(t, s, jsonrpc.HTTP{}, codec.Limits{MessageBytes: 1000}) {
		t.Run(name, func(t *testing.T) {
			in := structpb.NewStringValue("ü")
			st, err := call(t, conn, codec.Call{Method: "a.B/Echo"}, in)
			out := &structpb.Value{}
			if err != nil || st.Recv(out) != nil || out.GetStringValue() != "ü" || st.Recv(nil) != io.EOF {
				t.Errorf("echo: got %v, %v", out, err)
			}

			st, _ = call(t, conn, codec.Call{Method: "a.B/Head", Header: codec.Meta{{Key: "x-in", Value: "v"}}, Timeout: time.Minute}, in)
			if header, err := st.Header(); err != nil || strings.Join(header.Values("x-h"), "") != "12" {
				t.Errorf("header: got %v, %v", header, err)
			}
			if err := st.Recv(out); err != nil || out.GetStringValue() != "v true" {
				t.Errorf("head: got %v, %v", out, err)
			}
			if err := st.Recv(nil); err != io.EOF || st.Trailer().Get("x-t-bin") != "\x00" {
				t.Errorf("end: got %v with trailer %v", err, st.Trailer())
			}

			st, _ = call(t, conn, codec.Call{Method: "a.B/Fail"}, in)
			err = st.Recv(nil)
			if e := status.From(err); e.Code != status.NotFound || e.Message != "gone" || len(e.Details) != 1 {
				t.Errorf("fail: got %v", err)
			}

			st, _ = call(t, conn, codec.Call{Method: "a.B/Count", Kind: codec.ServerStream}, in)
			for i := range 3 {
				if err := st.Recv(out); err != nil || out.GetNumberValue() != float64(i) {
					t.Errorf("message %d: got %v, %v", i, out, err)
				}
			}
			if err := st.Recv(out); err != io.EOF {
				t.Errorf("end of the stream: got %v", err)
			}

			st, _ = call(t, conn, codec.Call{Method: "a.B/Missing", Kind: codec.ServerStream}, in)
			if err := st.Recv(nil); status.CodeOf(err) != status.Unimplemented {
				t.Errorf("missing: got %v", err)
			}
			for _, n := range []int{998, 999, 100_000} {
				st, _ = call(t, conn, codec.Call{Method: "a.B/Echo"}, structpb.NewStringValue(strings.Repeat("x", n)))
				if err := st.Recv(out); (err == nil) != (n == 998) || err != nil && status.CodeOf(err) != status.ResourceExhausted {
					t.Errorf("a response of %d bytes: got %v", n+2, err)
				}
			}
			for _, kind := range []codec.Kind{codec.ClientStream, codec.BidiStream} {
				if _, err := call(t, conn, codec.Call{Method: "a.B/Collect", Kind: kind}, in); status.CodeOf(err) != status.Unimplemented {
					t.Errorf("%v: got %v", kind, err)
				}
			}
		})
	}
}

func TestHTTPClient_CancelReachesTheHandler(t *testing.T) {
	entered, ended := make(chan struct{}, 1), make(chan error, 1)
	s := serveHTTP(t, methods{"a.B/Wait": func(ctx context.Context, _ *codec.Call, _ codec.Responder) (any, error) {
		entered <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}}, codec.Limits{})
	for name, conn := range clients(t, s, jsonrpc.HTTP{}, codec.Limits{}) {
		ctx, cancel := context.WithCancel(t.Context())
		st, err := conn.Open(ctx, &codec.Call{Method: "a.B/Wait"})
		if err == nil {
			err = st.Finish(structpb.NewNullValue(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		<-entered
		cancel()
		if err := st.Recv(nil); status.CodeOf(err) != status.Canceled {
			t.Errorf("%s: got %v", name, err)
		}
		if err := <-ended; err != context.Canceled {
			t.Errorf("%s: the handler's context ended with %v", name, err)
		}
		_ = st.Close()
	}
}

// What servers of others answer.
func TestHTTPClient_OtherServers(t *testing.T) {
	var code int
	var typ, body, got string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = string(b)
		w.Header().Set("Content-Type", typ)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	conn := clients(t, s, jsonrpc.HTTP{Plain: true}, codec.Limits{})["HTTP/2"]
	for _, row := range []struct {
		code      int
		typ, body string
		want      status.Code
	}{
		{200, "application/json", "{\n \"jsonrpc\": \"2.0\",\n \"id\": 1, \"other\": {}, \"result\": 7\n}\n", status.OK},
		{200, "application/json", `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`, status.Unimplemented},
		{500, "application/json", `{"jsonrpc":"2.0","id":1,"error":{"code":-32010,"message":"no","data":"text"}}`, status.Aborted},
		{200, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":17,"message":"no","data":{"code":"data_loss"}}}`, status.DataLoss},
		{200, "application/json", `{"jsonrpc":"2.0","id":1,"error":7}`, status.Internal},
		{200, "application/json", `{"jsonrpc":"2.0","id":1,"error":{"code":1}}`, status.Unknown},
		{200, "application/json", `nonsense`, status.Unknown},
		{200, "application/json", `[]`, status.Unknown},
		{200, "application/json", `{"jsonrpc":"2.0","id":1,"method":"a"}`, status.Internal},
		{404, "text/plain", `not found`, status.Unimplemented},
		{503, "text/html", ``, status.Unavailable},
	} {
		code, typ, body = row.code, row.typ, row.body
		st, err := call(t, conn, codec.Call{Method: "a.B/Echo", Timeout: time.Hour}, structpb.NewNumberValue(1))
		out := &structpb.Value{}
		if err == nil {
			err = st.Recv(out)
		}
		if status.CodeOf(err) != row.want || err == nil && out.GetNumberValue() != 7 {
			t.Errorf("%d %s: got %v, %v, want %v", row.code, row.body, out, err, row.want)
		}
		if want := `{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","params":[1]}`; got != want {
			t.Errorf("a plain request: got %s, want %s", got, want)
		}
	}
}
