;; The horizontal pass of a resize: for each row and output column, a sum of RGB pixels times fixed-point weights.
;; resize-columns.ts holds this module in base64 and lays out its memory.
;;
;; A step sums four pixels. A weight has more than 16 bits, so it is split into high x 2^11 + low. The two parts are
;; summed separately with 16-bit products. These sums may wrap at 2^32, but the combined sum fits, so it is exact.
(module
  (memory (export "memory") 1)
  (func (export "resizeColumns")
    (param $rows i32)
    (param $line i32)     ;; bytes of an input row
    (param $columns i32)  ;; output columns
    (param $starts i32)   ;; address of the first byte of each column within a row, i32
    (param $counts i32)   ;; address of the number of groups of each column, i32
    (param $weights i32)  ;; address of the weights, $stride bytes per column; a group has 16 bytes of i16:
                          ;; the high parts of its four weights, then the low parts
    (param $stride i32)
    (param $in i32)       ;; address of the first input row
    (param $out i32)      ;; address of the output, 3 bytes a pixel
    (local $column i32) (local $pixel i32) (local $weight i32) (local $end i32)
    (local $four v128) (local $first v128) (local $last v128) (local $high v128) (local $low v128)
    (loop $row
      (local.set $column (i32.const 0))
      (loop $each
        (local.set $pixel (i32.add (local.get $in)
          (i32.load (i32.add (local.get $starts) (i32.shl (local.get $column) (i32.const 2))))))
        (local.set $weight (i32.add (local.get $weights) (i32.mul (local.get $column) (local.get $stride))))
        (local.set $end (i32.add (local.get $weight)
          (i32.shl (i32.load (i32.add (local.get $counts) (i32.shl (local.get $column) (i32.const 2)))) (i32.const 4))))
        (local.set $high (v128.const i32x4 0 0 0 0))
        ;; one half, so that the shift rounds
        (local.set $low (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (loop $group
          (local.set $four (v128.load (local.get $pixel)))
          ;; as i16: red of two pixels, green of two, blue of two, zero
          (local.set $first (i8x16.swizzle (local.get $four)
            (v128.const i8x16 0 -1 3 -1 1 -1 4 -1 2 -1 5 -1 -1 -1 -1 -1)))
          (local.set $last (i8x16.swizzle (local.get $four)
            (v128.const i8x16 6 -1 9 -1 7 -1 10 -1 8 -1 11 -1 -1 -1 -1 -1)))
          (local.set $high (i32x4.add (local.get $high)
            (i32x4.dot_i16x8_s (local.get $first) (v128.load32_splat (local.get $weight)))))
          (local.set $low (i32x4.add (local.get $low)
            (i32x4.dot_i16x8_s (local.get $first) (v128.load32_splat offset=8 (local.get $weight)))))
          (local.set $high (i32x4.add (local.get $high)
            (i32x4.dot_i16x8_s (local.get $last) (v128.load32_splat offset=4 (local.get $weight)))))
          (local.set $low (i32x4.add (local.get $low)
            (i32x4.dot_i16x8_s (local.get $last) (v128.load32_splat offset=12 (local.get $weight)))))
          (local.set $pixel (i32.add (local.get $pixel) (i32.const 12)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 16)))
          (br_if $group (i32.lt_u (local.get $weight) (local.get $end))))
        (local.set $low (i32x4.shr_s
          (i32x4.add (i32x4.shl (local.get $high) (i32.const 11)) (local.get $low))
          (i32.const 22)))
        ;; both narrowing steps saturate to 0..255
        (local.set $low (i16x8.narrow_i32x4_s (local.get $low) (local.get $low)))
        ;; the next pixel overwrites the fourth byte
        (v128.store32_lane 0 (local.get $out) (i8x16.narrow_i16x8_u (local.get $low) (local.get $low)))
        (local.set $out (i32.add (local.get $out) (i32.const 3)))
        (local.set $column (i32.add (local.get $column) (i32.const 1)))
        (br_if $each (i32.lt_u (local.get $column) (local.get $columns))))
      (local.set $in (i32.add (local.get $in) (local.get $line)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows)))))
