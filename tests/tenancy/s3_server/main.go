// An S3-compatible server for tests: buckets in memory, signatures checked.
//
// Of its three buckets `snapshots` takes everything, `full` has no room for anything, and `closed` is not for this
// key; the last two answer with the words of servers that people run.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

var refusals = map[string]struct {
	status        int
	code, message string
}{
	"/full/": {
		http.StatusInsufficientStorage, "XMinioStorageFull",
		"Storage backend has reached its minimum free drive threshold. Please delete a few objects to proceed.",
	},
	"/closed/": {http.StatusForbidden, "AccessDenied", "Access Denied."},
}

func main() {
	address := flag.String("address", "127.0.0.1:9000", "where to listen")
	key := flag.String("key", "", "the one access key")
	secret := flag.String("secret", "", "what signs for it")
	flag.Parse()

	backend := s3mem.New()
	for _, bucket := range []string{"snapshots", "full", "closed"} {
		if err := backend.CreateBucket(context.Background(), bucket); err != nil {
			log.Fatal(err)
		}
	}
	store := gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{*key: *secret})).Server()
	log.Fatal(http.ListenAndServe(*address, refusing(store)))
}

// refusing answers writes to the buckets that take nothing.
func refusing(store http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		for prefix, refusal := range refusals {
			if strings.HasPrefix(request.URL.Path, prefix) && request.Method != http.MethodGet {
				answer.Header().Set("Content-Type", "application/xml")
				answer.WriteHeader(refusal.status)
				fmt.Fprintf(answer, "<Error><Code>%s</Code><Message>%s</Message></Error>", refusal.code, refusal.message)
				return
			}
		}
		store.ServeHTTP(answer, request)
	})
}
