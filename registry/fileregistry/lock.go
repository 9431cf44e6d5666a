package fileregistry

import (
	"context"
	"fmt"
	"time"
)

// lockPoll is how often a process that waits for another one's lock tries again.
const lockPoll = 5 * time.Millisecond

// lock waits until nobody else changes the file, in this process or another, and returns the function that ends this.
func (r *Registry) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release, err := lockFile(ctx, r.path+".lock")
	if err != nil {
		<-r.turn
		return nil, err
	}
	return func() {
		release()
		<-r.turn
	}, nil
}

// lockFile locks the file at path, which the system unlocks if the process dies.
func lockFile(ctx context.Context, path string) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		release, err := tryLock(path)
		if release != nil || err != nil {
			return release, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%s is locked by another process: %w", path, err)
		}
	}
}
