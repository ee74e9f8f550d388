// Prose counts certain words and long lines in the comments of the repository:
//
//	go run -C tools ./prose      # the counts
//	go run -C tools ./prose -v   # and every place
//
// It reads the comments that fill a line, in all Go files except tests. The
// words are those that made earlier comments hard to read.
package main

import (
	"flag"
	"fmt"
	"log"
)

func main() {
	verbose := flag.Bool("v", false, "print every place")
	root := flag.String("root", "..", "the folder to read")
	flag.Parse()
	counts, err := countFolder(*root)
	if err != nil {
		log.Fatal(err)
	}
	if *verbose {
		for _, place := range counts.places {
			fmt.Println(place)
		}
	}
	fmt.Print(counts.summary())
}
