/* Times VLFeat's dense SIFT on one thread: upright descriptors, each of 4 × 4 cells.
 *
 *     cc -O2 time_vlfeat.c -lvl -lm -o time_vlfeat
 *     OMP_NUM_THREADS=1 ./time_vlfeat 600 600 6 9     width, height, step, side of a cell in pixels (3 · scale)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <vl/dsift.h>
#include <vl/generic.h>

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

int main(int count, char **arguments) {
    if (count != 5) return fprintf(stderr, "width, height, step and side of a cell are needed\n"), 2;
    int width = atoi(arguments[1]), height = atoi(arguments[2]), step = atoi(arguments[3]), cell = atoi(arguments[4]);
    float *image = malloc(sizeof(float) * width * height);
    if (!image) return 1;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++)
            image[row * width + column] = 0.5 + 0.2 * sin(0.37 * row + 0.11 * column) + 0.2 * cos(0.23 * column);
    vl_set_num_threads(1);
    for (int flat = 0; flat < 2; flat++) {
        double fastest = INFINITY, end = milliseconds() + 3000;
        int descriptors = 0;
        while (milliseconds() < end) {
            double start = milliseconds();
            VlDsiftFilter *filter = vl_dsift_new_basic(width, height, step, cell);
            vl_dsift_set_flat_window(filter, flat);
            vl_dsift_process(filter, image);
            descriptors = vl_dsift_get_keypoint_num(filter);
            vl_dsift_delete(filter);
            fastest = fmin(fastest, milliseconds() - start);
        }
        printf("%s window: %d descriptors, %.3f ms, %.3f us each\n", flat ? "flat" : "Gaussian", descriptors, fastest,
               1e3 * fastest / descriptors);
    }
    free(image);
    return 0;
}
