;; The horizontal pass of the resize: for each row and output column, a sum of RGB pixels times fixed-point weights.
;; resize-columns.ts holds this module in binary form and says where things lie in its memory.
(module
  (memory (export "memory") 1)
  (func (export "resizeColumns")
    (param $rows i32)
    (param $line i32)     ;; bytes of an input row
    (param $columns i32)  ;; output columns
    (param $starts i32)   ;; address of the first byte to read within a row, i32 for each column
    (param $counts i32)   ;; address of the number of pixels to sum, i32 for each column
    (param $weights i32)  ;; address of the weights, i32, $stride bytes from column to column
    (param $stride i32)
    (param $in i32)       ;; address of the first input row
    (param $out i32)      ;; address of the output, 3 bytes a pixel
    (local $column i32) (local $pixel i32) (local $weight i32) (local $end i32) (local $sum v128)
    (loop $row
      (local.set $column (i32.const 0))
      (loop $each
        (local.set $pixel (i32.add (local.get $in)
          (i32.load (i32.add (local.get $starts) (i32.shl (local.get $column) (i32.const 2))))))
        (local.set $weight (i32.add (local.get $weights) (i32.mul (local.get $column) (local.get $stride))))
        (local.set $end (i32.add (local.get $weight)
          (i32.shl (i32.load (i32.add (local.get $counts) (i32.shl (local.get $column) (i32.const 2)))) (i32.const 2))))
        ;; half of one, so that the shift rounds
        (local.set $sum (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (loop $tap
          ;; red, green, blue and the next pixel's red, which is never stored
          (local.set $sum (i32x4.add (local.get $sum) (i32x4.mul
            (v128.load32_splat (local.get $weight))
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $pixel)))))))
          (local.set $pixel (i32.add (local.get $pixel) (i32.const 3)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
        (local.set $sum (i32x4.shr_s (local.get $sum) (i32.const 22)))
        ;; both narrowings saturate: 0..255
        (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
        ;; the fourth byte is overwritten by the next pixel
        (v128.store32_lane 0 (local.get $out) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (local.set $out (i32.add (local.get $out) (i32.const 3)))
        (local.set $column (i32.add (local.get $column) (i32.const 1)))
        (br_if $each (i32.lt_u (local.get $column) (local.get $columns))))
      (local.set $in (i32.add (local.get $in) (local.get $line)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br_if $row (local.get $rows)))))
