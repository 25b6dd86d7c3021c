"""Made by generate_options.py from the option table of libactmax; edits would be lost."""

from typing import NamedTuple


class Option(NamedTuple):
    """A row of the option table; the bounds of what has none are 0."""

    name: str
    part: str
    type: str
    default: str
    choices: str
    minimum: float
    maximum: float
    help: str


OPTIONS = (
    Option('preset', 'preset', 'choice', 'none', 'none|keras-vis|fastai|keras-2016|keras-2019|keras-io', 0, 0,
           'take the defaults of a named tool (docs/presets.md); what is set besides overrides them'),
    Option('input_size', 'load', 'numbers', '', '', 1, 1000000,
           "size of the network's input: SIZE, or HEIGHT,WIDTH (where the file leaves it free or another is wanted)"),
    Option('input', 'load', 'text', '', '', 0, 0,
           'name of the image input, when the network has several'),
    Option('load_mode', 'load', 'choice', 'map', 'map|copy', 0, 0,
           'map the file, or copy it (for files that may change while in use)'),
    Option('external_data', 'load', 'switch', '1', '', 0, 1,
           'allow weights in files beside the model file'),
    Option('weights', 'load', 'text', '', '', 0, 0,
           "file of a Keras model's weights, when the model is its configuration alone (.json)"),
    Option('activations', 'load', 'text', '', '', 0, 0,
           "LAYER=ACTIVATION,...: in the place of those in the file, by Keras's names (linear: none); layers by their whole names"),
    Option('end', 'load', 'text', '', '', 0, 0,
           'name of the layer, or of the value, at which the network ends: what comes after it is left out'),
    Option('preprocess', 'preprocess', 'choice', '', 'raw|unit|tf|torch|caffe', 0, 0,
           'what the network expects of its input: raw 0..255, unit 0..1, tf -1..1, torch ImageNet mean and deviation, caffe BGR minus ImageNet means'),
    Option('scale', 'preprocess', 'number', '', '', -1e+09, 1e+09,
           'factor on pixels 0..255, before the mean'),
    Option('mean', 'preprocess', 'numbers', '', '', -1e+09, 1e+09,
           "mean of each channel, in the network's channel order, subtracted after scaling"),
    Option('std', 'preprocess', 'numbers', '', '', 1e-09, 1e+09,
           'deviation of each channel, divided by last'),
    Option('channels', 'preprocess', 'choice', '', 'rgb|bgr', 0, 0,
           "order of the network's colour channels"),
    Option('limit_file_bytes', 'limits', 'integer', '8589934592', '', 1, 9e+15,
           'largest model file'),
    Option('limit_tensor_elements', 'limits', 'integer', '2147483647', '', 1, 9e+15,
           'largest tensor'),
    Option('limit_nodes', 'limits', 'integer', '100000', '', 1, 1e+09,
           'most nodes in a network'),
    Option('limit_nesting', 'limits', 'integer', '32', '', 1, 1000,
           'deepest nesting of messages in a file'),
    Option('limit_planned_bytes', 'limits', 'integer', '8589934592', '', 1, 9e+15,
           "largest working memory of one plan, and of a model's packed weights"),
    Option('limit_image_pixels', 'limits', 'integer', '268435456', '', 1, 9e+15,
           'largest image, in pixels'),
    Option('limit_image_side', 'limits', 'integer', '65536', '', 1, 1e+09,
           'largest width or height of an image'),
    Option('threads', 'session', 'integer', '0', '', 0, 1024,
           'threads to compute with; 0: one for each core that the process may use'),
    Option('cpu', 'session', 'choice', 'auto', 'auto|c|avx2|avx512|neon', 0, 0,
           'instruction set to compute with'),
    Option('neuron_y', 'target', 'integer', '-1', '', -1, 1000000,
           'row of the one neuron to maximise; -1: the mean over the channel'),
    Option('neuron_x', 'target', 'integer', '-1', '', -1, 1000000,
           'column of the one neuron to maximise; -1: the mean over the channel'),
    Option('bypass', 'target', 'switch', '1', '', 0, 1,
           "take a class's score before a final softmax, sigmoid or Relu"),
    Option('border', 'target', 'integer', '0', '', 0, 1000000,
           'rows and columns at each edge of the layer that the mean leaves out'),
    Option('target_weight', 'target', 'number', '1', '', -1e+09, 1e+09,
           'weight of the target in the loss; negative: make it small'),
    Option('size', 'image', 'numbers', '', '', 1, 65536,
           "size of the picture: SIZE, or HEIGHT,WIDTH; default the network's input"),
    Option('seed', 'image', 'integer', '0', '', 0, 9e+15,
           'seed of all random numbers'),
    Option('start', 'image', 'choice', 'noise', 'noise|grey|standardised|levels', 0, 0,
           'start from uniform noise about a mean, plain grey, noise of exactly start_mean and of deviation start_range, or noise of whole levels (rounded down); a start image overrides it'),
    Option('start_mean', 'image', 'number', '127.5', '', 0, 255,
           'mean of the starting noise, in pixel units'),
    Option('start_range', 'image', 'number', '20', '', 0, 255,
           'half width of the uniform starting noise, in pixel units (standardised: its deviation)'),
    Option('clip', 'image', 'switch', '1', '', 0, 1,
           'keep the image within 0..255 after each step'),
    Option('parameters', 'image', 'choice', 'pyramid', 'pixel|pyramid', 0, 0,
           'what is optimised: pixels, or a pyramid of resolutions with decorrelated colours, which favours large shapes'),
    Option('contrast', 'image', 'number', '', '', 0, 100,
           'most contrast of the pyramid: root mean square about mid-grey, before squashing to 0..255; 0: no limit; default 1 for colour (rich and not glaring), 2 for grey'),
    Option('start_image', 'image', 'text', '', '', 0, 0,
           'file of the image to start from'),
    Option('units', 'image', 'choice', 'pixel', 'pixel|network', 0, 0,
           "what is optimised, and what learning_rate counts in: pixels 0..255, or the network's input after preprocessing"),
    Option('display', 'image', 'choice', 'clip', 'clip|standardise', 0, 0,
           'the saved picture: cut to 0..255, or brought to mid-grey and display_deviation first'),
    Option('display_deviation', 'image', 'number', '0.1', '', 1e-06, 10,
           'display=standardise: deviation of the saved picture, of a range of 1'),
    Option('display_epsilon', 'image', 'number', '1e-7', '', 0, 1,
           'display=standardise: added to the deviation that is divided by'),
    Option('display_crop', 'image', 'integer', '0', '', 0, 1000000,
           'pixels cut off at each edge of the saved picture'),
    Option('rounding', 'image', 'choice', 'nearest', 'nearest|down', 0, 0,
           "rounding of the saved picture's levels"),
    Option('steps', 'run', 'integer', '200', '', 1, 1000000,
           'optimisation steps at each scale'),
    Option('time_limit', 'run', 'number', '0', '', 0, 1e+09,
           'seconds after which the best image so far is returned; 0: none'),
    Option('scales', 'run', 'integer', '1', '', 1, 64,
           'how many sizes: the image starts small and is enlarged between them'),
    Option('scale_factor', 'run', 'number', '1.2', '', 1.01, 8,
           'enlargement from one size to the next'),
    Option('scale_filter', 'run', 'choice', 'cubic', 'cubic|bilinear|8bit|8bit-unit', 0, 0,
           "resampling between sizes; 8bit: as the picture would be saved, by Pillow's bicubic, and back to its mean and deviation; 8bit-unit: and left as 0..1"),
    Option('scale_blur', 'run', 'number', '0', '', 0, 64,
           'sigma of the blur after each enlargement, in pixels'),
    Option('scale_box', 'run', 'integer', '0', '', 0, 255,
           'side of the box blur after each enlargement, in pixels; 0: none'),
    Option('scale_rounding', 'run', 'choice', 'nearest', 'nearest|down', 0, 0,
           'rounding of the sizes between the first and the last'),
    Option('start_size', 'run', 'numbers', '', '', 1, 65536,
           'size of the smallest scale, SIZE or HEIGHT,WIDTH; each next one is scale_factor times it, rounded; replaces size as long as that is not given'),
    Option('late_steps', 'run', 'number', '1', '', 0.001, 1000,
           'factor on the steps of the scales past half of them'),
    Option('last_scale', 'run', 'switch', '1', '', 0, 1,
           'optimise at the last size too; 0: it is only enlarged to'),
    Option('gradient', 'run', 'choice', 'rms', 'none|rms|l2|max', 0, 0,
           'scaling of the gradient: none, or to a root mean square, length or maximum of 1'),
    Option('gradient_of', 'run', 'choice', 'target', 'target|total', 0, 0,
           "what is scaled: the target's gradient before regularisers are added, or the sum of all"),
    Option('gradient_epsilon', 'run', 'number', '0', '', 0, 1,
           'least sum of squares (l2), or added to the divisor (rms, max)'),
    Option('gradient_modifier', 'run', 'choice', 'none', 'none|negate|absolute|invert|relu|small_values', 0, 0,
           "change of the scaled gradient before the optimizer sees it (keras-vis's grad_modifier)"),
    Option('penalties', 'run', 'choice', 'scaled', 'scaled|exact', 0, 0,
           "form of the regularisers: of pixels over their range, whatever the picture's size; or (sum |x|^p)^(1/p) / N and sum (dx^2+dy^2)^(b/2) / N of what is optimised"),
    Option('keep', 'run', 'choice', 'last', 'last|best|best-updated', 0, 0,
           'which image is returned: the last, the one with the lowest loss, or that one after its step'),
    Option('drop_below', 'run', 'number', '', '', -1e+30, 1e+30,
           'a target whose activation is at or below this after any step counts as dead and is dropped'),
    Option('dead_tries', 'run', 'integer', '3', '', 0, 100,
           "how many seeds are tried while the target's gradient stays zero; 0: go on regardless"),
    Option('sheet', 'sheet', 'integer', '0', '', 0, 256,
           'pictures in a row and in a column of a contact sheet; 0: the largest square that is filled'),
    Option('sheet_sort', 'sheet', 'switch', '1', '', 0, 1,
           'the highest activation comes first on a contact sheet, and the lowest have no place; 0: the order of the filters'),
    Option('sheet_fill', 'sheet', 'choice', 'rows', 'rows|columns', 0, 0,
           'a contact sheet is filled row by row, or column by column'),
    Option('sheet_margin', 'sheet', 'integer', '5', '', 0, 4096,
           'black pixels between the pictures of a contact sheet'),
    Option('sheet_filters', 'sheet', 'integer', '0', '', 0, 65536,
           'how many filters of the layer a contact sheet is made of when none are named: the first ones; 0: all'),
    Option('optimizer', 'optimizer', 'choice', 'adam', 'adam|rmsprop|ascent', 0, 0,
           'how the image follows the gradient'),
    Option('learning_rate', 'optimizer', 'number', '', '', 0, 1e+09,
           'step size in pixel units (0..255); default by optimizer: adam 2, rmsprop 1, ascent 1'),
    Option('beta1', 'adam', 'number', '0.9', '', 0, 0.9999999,
           'Adam: decay of the mean gradient'),
    Option('beta2', 'adam', 'number', '0.999', '', 0, 0.9999999,
           'Adam: decay of the mean squared gradient'),
    Option('epsilon', 'adam', 'number', '1e-8', '', 0, 1,
           'Adam: added to the root of the mean squared gradient'),
    Option('weight_decay', 'adam', 'number', '0', '', 0, 1000,
           'Adam: L2 penalty coupled into the gradient'),
    Option('amsgrad', 'adam', 'switch', '0', '', 0, 1,
           'Adam: divide by the largest mean squared gradient so far'),
    Option('rho', 'rmsprop', 'number', '0.95', '', 0, 0.9999999,
           'RMSprop: decay of the mean squared gradient'),
    Option('rmsprop_epsilon', 'rmsprop', 'number', '1e-7', '', 0, 1,
           'RMSprop: added to the mean squared gradient, inside the root'),
    Option('momentum', 'ascent', 'number', '0', '', 0, 0.9999999,
           'gradient ascent and RMSprop: momentum'),
    Option('jitter', 'jitter', 'number', '0.07', '', 0, 4096,
           'random circular shift of each step: below 1 a fraction of the side, from 1 pixels'),
    Option('jitter_mode', 'jitter', 'choice', 'undone', 'undone|kept|kept-overlap', 0, 0,
           "the shift is seen by the network only; or the picture stays shifted; or so with first and last row and column overlapping (SciPy's wrap)"),
    Option('jitter_x', 'jitter', 'number', '-1', '', -1, 4096,
           'the shift to the side, where it is not that of jitter, which then is up and down; below 0: the same'),
    Option('blur', 'blur', 'number', '0', '', 0, 64,
           'Gaussian blur before the network: sigma in pixels'),
    Option('scale_jitter', 'scale', 'number', '0.1', '', 0, 0.9,
           'random zoom of each step by a factor within 1-s .. 1+s'),
    Option('rotate', 'rotate', 'number', '8', '', 0, 180,
           'random rotation of each step within -d .. d degrees'),
    Option('flip', 'flip', 'number', '0', '', 0, 1,
           'probability that a step sees the picture mirrored left to right'),
    Option('lp_norm', 'lp_norm', 'number', '0', '', 0, 1e+09,
           'weight of the Lp norm of the image; small values do: 0.1 greys a picture out'),
    Option('lp_power', 'lp_norm', 'number', '6', '', 1, 64,
           'p of the Lp norm'),
    Option('lp_infinity', 'lp_norm', 'choice', 'none', 'none|signed|magnitude', 0, 0,
           'the infinity norm in the place of that of lp_power: the largest value, as keras-vis has it, or the largest magnitude'),
    Option('total_variation', 'total_variation', 'number', '0', '', 0, 1e+09,
           "weight of the image's total variation"),
    Option('tv_power', 'total_variation', 'number', '2', '', 0.5, 8,
           'beta of total variation: sum (dx^2 + dy^2)^(beta/2)'),
    Option('backprop', 'cam', 'choice', 'none', 'none|guided|relu', 0, 0,
           'ReLU rule of the backward pass: plain, guided, or relu (deconvnet)'),
    Option('cam_resize', 'cam', 'choice', 'bilinear', 'bilinear|spline|nearest', 0, 0,
           "enlarging of the map: half-pixel bilinear, keras-vis's corner-aligned cubic spline, or nearest"),
    Option('cam_scaling', 'cam', 'choice', 'minmax', 'minmax|max|none', 0, 0,
           'scaling of the map after ReLU: to [0,1] by its minimum and maximum, by its maximum, or none'),
    Option('cam_epsilon', 'cam', 'number', '0', '', 0, 1,
           'added to the range that the map is divided by'),
    Option('cam_gradient', 'cam', 'choice', 'none', 'none|max', 0, 0,
           'Grad-CAM: scaling of the gradient before its mean: none, or by its signed maximum + 1e-7'),
    Option('cam_layer', 'cam', 'choice', 'spatial', 'spatial|listed', 0, 0,
           "Grad-CAM's layer when none is named: the last with height and width on the way; or keras-vis's: the last convolution or pooling in the list, without the layer just before the target"),
    Option('map_modifier', 'cam', 'choice', '', 'none|negate|absolute|invert|relu|small_values', 0, 0,
           'change of the gradient: default none for Grad-CAM, absolute for saliency'),
    Option('alpha', 'overlay', 'number', '0.5', '', 0, 1,
           'share of the heat map in an overlay'),
    Option('colormap', 'overlay', 'choice', 'jet', 'jet|jet-opencv|viridis|turbo|grey', 0, 0,
           'colours of a map'),
)


class Calls:
    """The methods of Model that take options; None stands for an option's default."""

    def __init__(
        self, path, *, inputs=None, external=None, preset=None, input_size=None, input=None, load_mode=None,
        external_data=None, weights=None, activations=None, end=None, preprocess=None, scale=None, mean=None,
        std=None, channels=None, limit_file_bytes=None, limit_tensor_elements=None, limit_nodes=None,
        limit_nesting=None, limit_planned_bytes=None, limit_image_pixels=None, limit_image_side=None, threads=None,
        cpu=None, **unknown,
    ):
        """Loads a network: an ONNX or Keras file, or its bytes.

        inputs: constant values for inputs of the network that are not the image. external: with bytes, the files that
        the network keeps its weights in, by name.

        Options:
          preset ('none' | 'keras-vis' | 'fastai' | 'keras-2016' | 'keras-2019' | 'keras-io'; default none): take
              the defaults of a named tool (docs/presets.md); what is set besides overrides them
          input_size (float or floats; 1 to 1000000): size of the network's input: SIZE, or HEIGHT,WIDTH (where
              the file leaves it free or another is wanted)
          input (str): name of the image input, when the network has several
          load_mode ('map' | 'copy'; default map): map the file, or copy it (for files that may change while in
              use)
          external_data (bool; default True): allow weights in files beside the model file
          weights (str): file of a Keras model's weights, when the model is its configuration alone (.json)
          activations (str): LAYER=ACTIVATION,...: in the place of those in the file, by Keras's names (linear:
              none); layers by their whole names
          end (str): name of the layer, or of the value, at which the network ends: what comes after it is left
              out
          preprocess ('raw' | 'unit' | 'tf' | 'torch' | 'caffe'): what the network expects of its input: raw
              0..255, unit 0..1, tf -1..1, torch ImageNet mean and deviation, caffe BGR minus ImageNet means
          scale (float; -1e+09 to 1e+09): factor on pixels 0..255, before the mean
          mean (float or floats; -1e+09 to 1e+09): mean of each channel, in the network's channel order,
              subtracted after scaling
          std (float or floats; 1e-09 to 1e+09): deviation of each channel, divided by last
          channels ('rgb' | 'bgr'): order of the network's colour channels
          limit_file_bytes (int; 1 to 9e+15; default 8589934592): largest model file
          limit_tensor_elements (int; 1 to 9e+15; default 2147483647): largest tensor
          limit_nodes (int; 1 to 1e+09; default 100000): most nodes in a network
          limit_nesting (int; 1 to 1000; default 32): deepest nesting of messages in a file
          limit_planned_bytes (int; 1 to 9e+15; default 8589934592): largest working memory of one plan, and of a
              model's packed weights
          limit_image_pixels (int; 1 to 9e+15; default 268435456): largest image, in pixels
          limit_image_side (int; 1 to 1e+09; default 65536): largest width or height of an image
          threads (int; 0 to 1024; default 0): threads to compute with; 0: one for each core that the process may
              use
          cpu ('auto' | 'c' | 'avx2' | 'avx512' | 'neon'; default auto): instruction set to compute with
        """
        options = dict(
            preset=preset, input_size=input_size, input=input, load_mode=load_mode, external_data=external_data,
            weights=weights, activations=activations, end=end, preprocess=preprocess, scale=scale, mean=mean, std=std,
            channels=channels, limit_file_bytes=limit_file_bytes, limit_tensor_elements=limit_tensor_elements,
            limit_nodes=limit_nodes, limit_nesting=limit_nesting, limit_planned_bytes=limit_planned_bytes,
            limit_image_pixels=limit_image_pixels, limit_image_side=limit_image_side, threads=threads, cpu=cpu,
        )
        self._load(path, inputs, external, options, unknown)

    def gradient(
        self, image, layer=None, filter=None, *, neuron_y=None, neuron_x=None, bypass=None, border=None,
        target_weight=None, backprop=None, **unknown,
    ):
        """The gradient of a filter's mean over space with respect to the network's input, height x width x channels.

        layer: a name, an index, one of Model.layers, or None for the network's output before a final softmax or
        sigmoid. filter: an index, several (their sum), or None for the mean of the whole layer.

        Options:
          neuron_y (int; -1 to 1000000; default -1): row of the one neuron to maximise; -1: the mean over the
              channel
          neuron_x (int; -1 to 1000000; default -1): column of the one neuron to maximise; -1: the mean over the
              channel
          bypass (bool; default True): take a class's score before a final softmax, sigmoid or Relu
          border (int; 0 to 1000000; default 0): rows and columns at each edge of the layer that the mean leaves
              out
          target_weight (float; -1e+09 to 1e+09; default 1): weight of the target in the loss; negative: make it
              small
          backprop ('none' | 'guided' | 'relu'; default none): ReLU rule of the backward pass: plain, guided, or
              relu (deconvnet)
        """
        options = dict(
            neuron_y=neuron_y, neuron_x=neuron_x, bypass=bypass, border=border, target_weight=target_weight,
            backprop=backprop,
        )
        return self._gradient(image, layer, filter, options, unknown)

    def maximize(
        self, layer=None, filter=None, *, progress=None, parts=None, preset=None, neuron_y=None, neuron_x=None,
        bypass=None, border=None, target_weight=None, size=None, seed=None, start=None, start_mean=None,
        start_range=None, clip=None, parameters=None, contrast=None, start_image=None, units=None, display=None,
        display_deviation=None, display_epsilon=None, display_crop=None, rounding=None, steps=None, time_limit=None,
        scales=None, scale_factor=None, scale_filter=None, scale_blur=None, scale_box=None, scale_rounding=None,
        start_size=None, late_steps=None, last_scale=None, gradient=None, gradient_of=None, gradient_epsilon=None,
        gradient_modifier=None, penalties=None, keep=None, drop_below=None, dead_tries=None, optimizer=None,
        learning_rate=None, beta1=None, beta2=None, epsilon=None, weight_decay=None, amsgrad=None, rho=None,
        rmsprop_epsilon=None, momentum=None, jitter=None, jitter_mode=None, jitter_x=None, blur=None,
        scale_jitter=None, rotate=None, flip=None, lp_norm=None, lp_power=None, lp_infinity=None,
        total_variation=None, tv_power=None, **unknown,
    ):
        """Makes a picture that excites a filter.

        layer: a name, an index, one of Model.layers, or None for the network's output before a final softmax or
        sigmoid. filter: an index, several (their sum), or None for the mean of the whole layer.

        progress: called after each step with a Progress (step, steps, objective, image, stop(), ...); or a class of
        progress bars, such as tqdm.tqdm. Ctrl-C stops too, and the best image so far is returned; a second Ctrl-C
        raises KeyboardInterrupt.

        parts: transforms, regularizers and optimizers to compose, in order, in the place of the default ones of their
        kind: names, or pairs of a name and a dict of its options, such as [("jitter", {"jitter": 8}), "flip"].

        Options:
          preset ('none' | 'keras-vis' | 'fastai' | 'keras-2016' | 'keras-2019' | 'keras-io'; default none): take
              the defaults of a named tool (docs/presets.md); what is set besides overrides them
          neuron_y (int; -1 to 1000000; default -1): row of the one neuron to maximise; -1: the mean over the
              channel
          neuron_x (int; -1 to 1000000; default -1): column of the one neuron to maximise; -1: the mean over the
              channel
          bypass (bool; default True): take a class's score before a final softmax, sigmoid or Relu
          border (int; 0 to 1000000; default 0): rows and columns at each edge of the layer that the mean leaves
              out
          target_weight (float; -1e+09 to 1e+09; default 1): weight of the target in the loss; negative: make it
              small
          size (float or floats; 1 to 65536): size of the picture: SIZE, or HEIGHT,WIDTH; default the network's
              input
          seed (int; 0 to 9e+15; default 0): seed of all random numbers
          start ('noise' | 'grey' | 'standardised' | 'levels'; default noise): start from uniform noise about a
              mean, plain grey, noise of exactly start_mean and of deviation start_range, or noise of whole levels
              (rounded down); a start image overrides it
          start_mean (float; 0 to 255; default 127.5): mean of the starting noise, in pixel units
          start_range (float; 0 to 255; default 20): half width of the uniform starting noise, in pixel units
              (standardised: its deviation)
          clip (bool; default True): keep the image within 0..255 after each step
          parameters ('pixel' | 'pyramid'; default pyramid): what is optimised: pixels, or a pyramid of
              resolutions with decorrelated colours, which favours large shapes
          contrast (float; 0 to 100): most contrast of the pyramid: root mean square about mid-grey, before
              squashing to 0..255; 0: no limit; default 1 for colour (rich and not glaring), 2 for grey
          start_image (image): file of the image to start from
          units ('pixel' | 'network'; default pixel): what is optimised, and what learning_rate counts in: pixels
              0..255, or the network's input after preprocessing
          display ('clip' | 'standardise'; default clip): the saved picture: cut to 0..255, or brought to mid-grey
              and display_deviation first
          display_deviation (float; 1e-06 to 10; default 0.1): display=standardise: deviation of the saved
              picture, of a range of 1
          display_epsilon (float; 0 to 1; default 1e-7): display=standardise: added to the deviation that is
              divided by
          display_crop (int; 0 to 1000000; default 0): pixels cut off at each edge of the saved picture
          rounding ('nearest' | 'down'; default nearest): rounding of the saved picture's levels
          steps (int; 1 to 1000000; default 200): optimisation steps at each scale
          time_limit (float; 0 to 1e+09; default 0): seconds after which the best image so far is returned; 0:
              none
          scales (int; 1 to 64; default 1): how many sizes: the image starts small and is enlarged between them
          scale_factor (float; 1.01 to 8; default 1.2): enlargement from one size to the next
          scale_filter ('cubic' | 'bilinear' | '8bit' | '8bit-unit'; default cubic): resampling between sizes;
              8bit: as the picture would be saved, by Pillow's bicubic, and back to its mean and deviation;
              8bit-unit: and left as 0..1
          scale_blur (float; 0 to 64; default 0): sigma of the blur after each enlargement, in pixels
          scale_box (int; 0 to 255; default 0): side of the box blur after each enlargement, in pixels; 0: none
          scale_rounding ('nearest' | 'down'; default nearest): rounding of the sizes between the first and the
              last
          start_size (float or floats; 1 to 65536): size of the smallest scale, SIZE or HEIGHT,WIDTH; each next
              one is scale_factor times it, rounded; replaces size as long as that is not given
          late_steps (float; 0.001 to 1000; default 1): factor on the steps of the scales past half of them
          last_scale (bool; default True): optimise at the last size too; 0: it is only enlarged to
          gradient ('none' | 'rms' | 'l2' | 'max'; default rms): scaling of the gradient: none, or to a root mean
              square, length or maximum of 1
          gradient_of ('target' | 'total'; default target): what is scaled: the target's gradient before
              regularisers are added, or the sum of all
          gradient_epsilon (float; 0 to 1; default 0): least sum of squares (l2), or added to the divisor (rms,
              max)
          gradient_modifier ('none' | 'negate' | 'absolute' | 'invert' | 'relu' | 'small_values'; default none):
              change of the scaled gradient before the optimizer sees it (keras-vis's grad_modifier)
          penalties ('scaled' | 'exact'; default scaled): form of the regularisers: of pixels over their range,
              whatever the picture's size; or (sum |x|^p)^(1/p) / N and sum (dx^2+dy^2)^(b/2) / N of what is
              optimised
          keep ('last' | 'best' | 'best-updated'; default last): which image is returned: the last, the one with
              the lowest loss, or that one after its step
          drop_below (float; -1e+30 to 1e+30): a target whose activation is at or below this after any step counts
              as dead and is dropped
          dead_tries (int; 0 to 100; default 3): how many seeds are tried while the target's gradient stays zero;
              0: go on regardless
          optimizer ('adam' | 'rmsprop' | 'ascent'; default adam): how the image follows the gradient
          learning_rate (float; 0 to 1e+09): step size in pixel units (0..255); default by optimizer: adam 2,
              rmsprop 1, ascent 1
          beta1 (float; 0 to 0.9999999; default 0.9): Adam: decay of the mean gradient
          beta2 (float; 0 to 0.9999999; default 0.999): Adam: decay of the mean squared gradient
          epsilon (float; 0 to 1; default 1e-8): Adam: added to the root of the mean squared gradient
          weight_decay (float; 0 to 1000; default 0): Adam: L2 penalty coupled into the gradient
          amsgrad (bool; default False): Adam: divide by the largest mean squared gradient so far
          rho (float; 0 to 0.9999999; default 0.95): RMSprop: decay of the mean squared gradient
          rmsprop_epsilon (float; 0 to 1; default 1e-7): RMSprop: added to the mean squared gradient, inside the
              root
          momentum (float; 0 to 0.9999999; default 0): gradient ascent and RMSprop: momentum
          jitter (float; 0 to 4096; default 0.07): random circular shift of each step: below 1 a fraction of the
              side, from 1 pixels
          jitter_mode ('undone' | 'kept' | 'kept-overlap'; default undone): the shift is seen by the network only;
              or the picture stays shifted; or so with first and last row and column overlapping (SciPy's wrap)
          jitter_x (float; -1 to 4096; default -1): the shift to the side, where it is not that of jitter, which
              then is up and down; below 0: the same
          blur (float; 0 to 64; default 0): Gaussian blur before the network: sigma in pixels
          scale_jitter (float; 0 to 0.9; default 0.1): random zoom of each step by a factor within 1-s .. 1+s
          rotate (float; 0 to 180; default 8): random rotation of each step within -d .. d degrees
          flip (float; 0 to 1; default 0): probability that a step sees the picture mirrored left to right
          lp_norm (float; 0 to 1e+09; default 0): weight of the Lp norm of the image; small values do: 0.1 greys a
              picture out
          lp_power (float; 1 to 64; default 6): p of the Lp norm
          lp_infinity ('none' | 'signed' | 'magnitude'; default none): the infinity norm in the place of that of
              lp_power: the largest value, as keras-vis has it, or the largest magnitude
          total_variation (float; 0 to 1e+09; default 0): weight of the image's total variation
          tv_power (float; 0.5 to 8; default 2): beta of total variation: sum (dx^2 + dy^2)^(beta/2)
        """
        options = dict(
            preset=preset, neuron_y=neuron_y, neuron_x=neuron_x, bypass=bypass, border=border,
            target_weight=target_weight, size=size, seed=seed, start=start, start_mean=start_mean,
            start_range=start_range, clip=clip, parameters=parameters, contrast=contrast, start_image=start_image,
            units=units, display=display, display_deviation=display_deviation, display_epsilon=display_epsilon,
            display_crop=display_crop, rounding=rounding, steps=steps, time_limit=time_limit, scales=scales,
            scale_factor=scale_factor, scale_filter=scale_filter, scale_blur=scale_blur, scale_box=scale_box,
            scale_rounding=scale_rounding, start_size=start_size, late_steps=late_steps, last_scale=last_scale,
            gradient=gradient, gradient_of=gradient_of, gradient_epsilon=gradient_epsilon,
            gradient_modifier=gradient_modifier, penalties=penalties, keep=keep, drop_below=drop_below,
            dead_tries=dead_tries, optimizer=optimizer, learning_rate=learning_rate, beta1=beta1, beta2=beta2,
            epsilon=epsilon, weight_decay=weight_decay, amsgrad=amsgrad, rho=rho, rmsprop_epsilon=rmsprop_epsilon,
            momentum=momentum, jitter=jitter, jitter_mode=jitter_mode, jitter_x=jitter_x, blur=blur,
            scale_jitter=scale_jitter, rotate=rotate, flip=flip, lp_norm=lp_norm, lp_power=lp_power,
            lp_infinity=lp_infinity, total_variation=total_variation, tv_power=tv_power,
        )
        return self._maximize(layer, filter, progress, parts, options, unknown)

    def maximize_each(
        self, layer, filters, *, progress=None, parts=None, preset=None, neuron_y=None, neuron_x=None, bypass=None,
        border=None, target_weight=None, size=None, seed=None, start=None, start_mean=None, start_range=None,
        clip=None, parameters=None, contrast=None, start_image=None, units=None, display=None, display_deviation=None,
        display_epsilon=None, display_crop=None, rounding=None, steps=None, time_limit=None, scales=None,
        scale_factor=None, scale_filter=None, scale_blur=None, scale_box=None, scale_rounding=None, start_size=None,
        late_steps=None, last_scale=None, gradient=None, gradient_of=None, gradient_epsilon=None,
        gradient_modifier=None, penalties=None, keep=None, drop_below=None, dead_tries=None, optimizer=None,
        learning_rate=None, beta1=None, beta2=None, epsilon=None, weight_decay=None, amsgrad=None, rho=None,
        rmsprop_epsilon=None, momentum=None, jitter=None, jitter_mode=None, jitter_x=None, blur=None,
        scale_jitter=None, rotate=None, flip=None, lp_norm=None, lp_power=None, lp_infinity=None,
        total_variation=None, tv_power=None, **unknown,
    ):
        """Makes one picture for each filter, in one call. Layer, progress, parts and the options are those of
        maximize().
        """
        options = dict(
            preset=preset, neuron_y=neuron_y, neuron_x=neuron_x, bypass=bypass, border=border,
            target_weight=target_weight, size=size, seed=seed, start=start, start_mean=start_mean,
            start_range=start_range, clip=clip, parameters=parameters, contrast=contrast, start_image=start_image,
            units=units, display=display, display_deviation=display_deviation, display_epsilon=display_epsilon,
            display_crop=display_crop, rounding=rounding, steps=steps, time_limit=time_limit, scales=scales,
            scale_factor=scale_factor, scale_filter=scale_filter, scale_blur=scale_blur, scale_box=scale_box,
            scale_rounding=scale_rounding, start_size=start_size, late_steps=late_steps, last_scale=last_scale,
            gradient=gradient, gradient_of=gradient_of, gradient_epsilon=gradient_epsilon,
            gradient_modifier=gradient_modifier, penalties=penalties, keep=keep, drop_below=drop_below,
            dead_tries=dead_tries, optimizer=optimizer, learning_rate=learning_rate, beta1=beta1, beta2=beta2,
            epsilon=epsilon, weight_decay=weight_decay, amsgrad=amsgrad, rho=rho, rmsprop_epsilon=rmsprop_epsilon,
            momentum=momentum, jitter=jitter, jitter_mode=jitter_mode, jitter_x=jitter_x, blur=blur,
            scale_jitter=scale_jitter, rotate=rotate, flip=flip, lp_norm=lp_norm, lp_power=lp_power,
            lp_infinity=lp_infinity, total_variation=total_variation, tv_power=tv_power,
        )
        return self._maximize_each(layer, filters, progress, parts, options, unknown)

    def maximize_sheet(
        self, layer=None, filters=None, *, progress=None, parts=None, preset=None, neuron_y=None, neuron_x=None,
        bypass=None, border=None, target_weight=None, size=None, seed=None, start=None, start_mean=None,
        start_range=None, clip=None, parameters=None, contrast=None, start_image=None, units=None, display=None,
        display_deviation=None, display_epsilon=None, display_crop=None, rounding=None, steps=None, time_limit=None,
        scales=None, scale_factor=None, scale_filter=None, scale_blur=None, scale_box=None, scale_rounding=None,
        start_size=None, late_steps=None, last_scale=None, gradient=None, gradient_of=None, gradient_epsilon=None,
        gradient_modifier=None, penalties=None, keep=None, drop_below=None, dead_tries=None, sheet=None,
        sheet_sort=None, sheet_fill=None, sheet_margin=None, sheet_filters=None, optimizer=None, learning_rate=None,
        beta1=None, beta2=None, epsilon=None, weight_decay=None, amsgrad=None, rho=None, rmsprop_epsilon=None,
        momentum=None, jitter=None, jitter_mode=None, jitter_x=None, blur=None, scale_jitter=None, rotate=None,
        flip=None, lp_norm=None, lp_power=None, lp_infinity=None, total_variation=None, tv_power=None, **unknown,
    ):
        """Makes one contact sheet of the pictures of many filters: the dead ones are dropped, the others sorted by
        activation.

        filters: their indices; None: those that sheet_filters says. Layer, progress, parts and the options but those
        of the sheet are those of maximize().

        Options:
          sheet (int; 0 to 256; default 0): pictures in a row and in a column of a contact sheet; 0: the largest
              square that is filled
          sheet_sort (bool; default True): the highest activation comes first on a contact sheet, and the lowest
              have no place; 0: the order of the filters
          sheet_fill ('rows' | 'columns'; default rows): a contact sheet is filled row by row, or column by column
          sheet_margin (int; 0 to 4096; default 5): black pixels between the pictures of a contact sheet
          sheet_filters (int; 0 to 65536; default 0): how many filters of the layer a contact sheet is made of
              when none are named: the first ones; 0: all
        """
        options = dict(
            preset=preset, neuron_y=neuron_y, neuron_x=neuron_x, bypass=bypass, border=border,
            target_weight=target_weight, size=size, seed=seed, start=start, start_mean=start_mean,
            start_range=start_range, clip=clip, parameters=parameters, contrast=contrast, start_image=start_image,
            units=units, display=display, display_deviation=display_deviation, display_epsilon=display_epsilon,
            display_crop=display_crop, rounding=rounding, steps=steps, time_limit=time_limit, scales=scales,
            scale_factor=scale_factor, scale_filter=scale_filter, scale_blur=scale_blur, scale_box=scale_box,
            scale_rounding=scale_rounding, start_size=start_size, late_steps=late_steps, last_scale=last_scale,
            gradient=gradient, gradient_of=gradient_of, gradient_epsilon=gradient_epsilon,
            gradient_modifier=gradient_modifier, penalties=penalties, keep=keep, drop_below=drop_below,
            dead_tries=dead_tries, sheet=sheet, sheet_sort=sheet_sort, sheet_fill=sheet_fill,
            sheet_margin=sheet_margin, sheet_filters=sheet_filters, optimizer=optimizer, learning_rate=learning_rate,
            beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=weight_decay, amsgrad=amsgrad, rho=rho,
            rmsprop_epsilon=rmsprop_epsilon, momentum=momentum, jitter=jitter, jitter_mode=jitter_mode,
            jitter_x=jitter_x, blur=blur, scale_jitter=scale_jitter, rotate=rotate, flip=flip, lp_norm=lp_norm,
            lp_power=lp_power, lp_infinity=lp_infinity, total_variation=total_variation, tv_power=tv_power,
        )
        return self._maximize_sheet(layer, filters, progress, parts, options, unknown)

    def grad_cam(
        self, image, target=None, layer=None, *, preset=None, bypass=None, backprop=None, cam_resize=None,
        cam_scaling=None, cam_epsilon=None, cam_gradient=None, cam_layer=None, map_modifier=None, colormap=None,
        **unknown,
    ):
        """Where the network looks for a class in an image (Grad-CAM), as a map of the image's size.

        target: a class, None for the best one, or a pair (layer, filter). layer: the layer whose map it is; None: the
        last one with spatial size above 1.

        Options:
          preset ('none' | 'keras-vis' | 'fastai' | 'keras-2016' | 'keras-2019' | 'keras-io'; default none): take
              the defaults of a named tool (docs/presets.md); what is set besides overrides them
          bypass (bool; default True): take a class's score before a final softmax, sigmoid or Relu
          backprop ('none' | 'guided' | 'relu'; default none): ReLU rule of the backward pass: plain, guided, or
              relu (deconvnet)
          cam_resize ('bilinear' | 'spline' | 'nearest'; default bilinear): enlarging of the map: half-pixel
              bilinear, keras-vis's corner-aligned cubic spline, or nearest
          cam_scaling ('minmax' | 'max' | 'none'; default minmax): scaling of the map after ReLU: to [0,1] by its
              minimum and maximum, by its maximum, or none
          cam_epsilon (float; 0 to 1; default 0): added to the range that the map is divided by
          cam_gradient ('none' | 'max'; default none): Grad-CAM: scaling of the gradient before its mean: none, or
              by its signed maximum + 1e-7
          cam_layer ('spatial' | 'listed'; default spatial): Grad-CAM's layer when none is named: the last with
              height and width on the way; or keras-vis's: the last convolution or pooling in the list, without
              the layer just before the target
          map_modifier ('none' | 'negate' | 'absolute' | 'invert' | 'relu' | 'small_values'): change of the
              gradient: default none for Grad-CAM, absolute for saliency
          colormap ('jet' | 'jet-opencv' | 'viridis' | 'turbo' | 'grey'; default jet): colours of a map
        """
        options = dict(
            preset=preset, bypass=bypass, backprop=backprop, cam_resize=cam_resize, cam_scaling=cam_scaling,
            cam_epsilon=cam_epsilon, cam_gradient=cam_gradient, cam_layer=cam_layer, map_modifier=map_modifier,
            colormap=colormap,
        )
        return self._grad_cam(image, target, layer, options, unknown)

    def saliency(
        self, image, target=None, *, preset=None, bypass=None, backprop=None, cam_resize=None, cam_scaling=None,
        cam_epsilon=None, cam_gradient=None, cam_layer=None, map_modifier=None, colormap=None, **unknown,
    ):
        """Which pixels the score of a class reacts to: the size of the gradient, as a map of the image's size.

        target: a class, None for the best one, or a pair (layer, filter).

        Options:
          preset ('none' | 'keras-vis' | 'fastai' | 'keras-2016' | 'keras-2019' | 'keras-io'; default none): take
              the defaults of a named tool (docs/presets.md); what is set besides overrides them
          bypass (bool; default True): take a class's score before a final softmax, sigmoid or Relu
          backprop ('none' | 'guided' | 'relu'; default none): ReLU rule of the backward pass: plain, guided, or
              relu (deconvnet)
          cam_resize ('bilinear' | 'spline' | 'nearest'; default bilinear): enlarging of the map: half-pixel
              bilinear, keras-vis's corner-aligned cubic spline, or nearest
          cam_scaling ('minmax' | 'max' | 'none'; default minmax): scaling of the map after ReLU: to [0,1] by its
              minimum and maximum, by its maximum, or none
          cam_epsilon (float; 0 to 1; default 0): added to the range that the map is divided by
          cam_gradient ('none' | 'max'; default none): Grad-CAM: scaling of the gradient before its mean: none, or
              by its signed maximum + 1e-7
          cam_layer ('spatial' | 'listed'; default spatial): Grad-CAM's layer when none is named: the last with
              height and width on the way; or keras-vis's: the last convolution or pooling in the list, without
              the layer just before the target
          map_modifier ('none' | 'negate' | 'absolute' | 'invert' | 'relu' | 'small_values'): change of the
              gradient: default none for Grad-CAM, absolute for saliency
          colormap ('jet' | 'jet-opencv' | 'viridis' | 'turbo' | 'grey'; default jet): colours of a map
        """
        options = dict(
            preset=preset, bypass=bypass, backprop=backprop, cam_resize=cam_resize, cam_scaling=cam_scaling,
            cam_epsilon=cam_epsilon, cam_gradient=cam_gradient, cam_layer=cam_layer, map_modifier=map_modifier,
            colormap=colormap,
        )
        return self._saliency(image, target, options, unknown)
