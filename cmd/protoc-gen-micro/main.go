// Protoc-gen-micro generates typed Go clients and servers from proto files: as a plugin of protoc and buf, and by itself
// with "protoc-gen-micro generate".
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx := context.Background()
	if len(os.Args) > 1 && os.Args[1] == "generate" { // all else can end at once, since it writes no files
		notified, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(notified, stop) // so that a second signal ends the program
		ctx = notified
	}
	c := command{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(c.run(ctx, os.Args[1:]))
}
