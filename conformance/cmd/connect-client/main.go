// Connect-client is the client under test of the Connect conformance suite: a runtime.Client, set up as its users do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/conformance/internal/suite"
)

const parallel = 16 // calls at once

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "connect-client:", err)
		os.Exit(1)
	}
}

// run makes the calls that r describes and tells w how they went, in the order in which they end.
func run(ctx context.Context, r io.Reader, w io.Writer) (err error) {
	clients := &clients{open: make(map[string]*conformancev1.ConformanceServiceClient)}
	defer func() { err = errors.Join(err, clients.close()) }()
	out := &results{w: w}
	slots := make(chan struct{}, parallel)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		req := new(conformancev1.ClientCompatRequest)
		if err := suite.Read(r, req); err == io.EOF {
			running.Wait()
			return out.err
		} else if err != nil {
			return err
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		running.Go(func() {
			defer func() { <-slots }()
			out.write(answer(ctx, clients, req))
		})
	}
}

// answer makes the call that req describes.
func answer(ctx context.Context, clients *clients, req *conformancev1.ClientCompatRequest) *conformancev1.ClientCompatResponse {
	res := &conformancev1.ClientCompatResponse{TestName: req.GetTestName()}
	client, err := clients.find(req)
	if err == nil {
		var result *conformancev1.ClientResponseResult
		if result, err = call(ctx, client, req); err == nil {
			res.Result = &conformancev1.ClientCompatResponse_Response{Response: result}
			return res
		}
	}
	res.Result = &conformancev1.ClientCompatResponse_Error{Error: &conformancev1.ClientErrorResult{Message: err.Error()}}
	return res
}

// results are what the runner is told.
type results struct {
	mu  sync.Mutex // guards below
	w   io.Writer
	err error // the first of w
}

func (r *results) write(res *conformancev1.ClientCompatResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := suite.Write(r.w, res); err != nil && r.err == nil {
		r.err = err
	}
}
