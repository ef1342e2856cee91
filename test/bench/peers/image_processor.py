"""Hugging Face's ImageGPT image processor, from a file's path to tokens."""

from PIL import Image


def processor(checkpoint, picture):
    """Opens, decodes, resizes and quantises one picture: the whole way from a file to [n] tokens."""
    from transformers import AutoImageProcessor

    hugging_face = AutoImageProcessor.from_pretrained(checkpoint)

    def run():
        with Image.open(picture) as image:
            ids = hugging_face(images=image, return_tensors="pt")["input_ids"]
        return ids[0].tolist()

    return run


CASES = {"processor": processor}
