"""Hugging Face's ImageGPT image processor, from files to tokens."""

from PIL import Image


def processor(checkpoint, pictures):
    """Opens, decodes, resizes and quantises pictures one by one, from the file to [n] tokens."""
    from transformers import AutoImageProcessor

    hugging_face = AutoImageProcessor.from_pretrained(checkpoint)

    def tokens(picture):
        with Image.open(picture) as image:
            return hugging_face(images=image, return_tensors="pt")["input_ids"][0]

    def run():
        return [tokens(picture).tolist() for picture in pictures]

    return run


CASES = {"processor": processor}
